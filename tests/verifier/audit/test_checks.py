"""Every check: an honest log gives nothing, each spoiled one gives what was spoiled, about the right entries."""

from dataclasses import replace

import pytest

from glasslog.audit.checks import CHECKS, REPLAY_CHECKS
from glasslog.audit.database import Head
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.result import run_checks
from glasslog.audit.scope import Scope
from glasslog.errors import MalformedError
from glasslog.merkle import TreeSize
from glasslog.statement import sign_statement
from tests.verifier.audit.logbook import OTHER_ISSUER, Event, Logbook, changed, without
from tests.verifier.audit.spoiled import HONEST, SPOILED, Spoiled, at
from tests.verifier.audit.story import (
    END,
    MINUTE_MS,
    START,
    decision,
    heartbeat,
    story,
)
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM
from tests.verifier.records.examples import DAY_MS

# ----------------------------------------------------------------------------------------------------- an honest log


def test_an_honest_log_is_ok_by_every_check() -> None:
    audited = HONEST.audit()
    assert audited.findings == ()
    assert audited.verdicts == dict.fromkeys(CHECKS, "ok")


def test_an_empty_log_is_no_reason_to_say_ok() -> None:
    assert set(Logbook([]).audit().verdicts.values()) == {"not-applicable"}


def test_a_log_of_decisions_alone_says_what_was_not_recorded() -> None:
    bare = [replace(event, links=()) for event in decision(1, at(1)) if event.type == "inference"]
    audited = Logbook(bare, anchored=False, chained=False).audit()
    assert audited.found == {"models-registered"}
    missing = {name for name, verdict in audited.verdicts.items() if verdict == "not-recorded"}
    assert missing == {
        "anchors",
        "control-lifetimes",
        "guardrails",
        "heartbeat-gaps",
        "lateness",
        "providers",
        "reconciliations",
        "seals",
    }
    assert all(audited.not_recorded(name) for name in missing)


# ----------------------------------------------------------------------------------------------------- spoiled logs


@pytest.mark.parametrize("spoiled", SPOILED, ids=[spoiled.name for spoiled in SPOILED])
def test_what_is_spoiled_is_found_and_nothing_else(spoiled: Spoiled) -> None:
    names = () if spoiled.only is None else (spoiled.only,)
    audited = spoiled.log.audit(*names, scope=Scope(as_of=spoiled.as_of))
    assert audited.named() == list(spoiled.found)


def test_every_check_has_something_that_it_finds() -> None:
    found = {check for spoiled in SPOILED for check, _ in spoiled.found}
    assert found == CHECKS.keys() - {check.id for check in REPLAY_CHECKS}


# --------------------------------------------------------------------------------------------- what the replay found


def test_what_the_replay_found_is_given_out_by_its_checks() -> None:
    refused = HONEST.index["beat 5"]
    finding = Finding("signature", Severity.CRITICAL, "expected a signature by ...", (refused,), ISSUER)
    audited = HONEST.audit(database=HONEST.database([finding], refused=[refused]))
    assert audited.named() == [
        ("signature", ("beat 5",)),
        ("stream-gaps", ("beat 6", "beat 4")),
        ("heartbeat-gaps", ("beat 6", "beat 4")),
    ]
    assert audited.findings[0] == finding


def test_findings_from_elsewhere_join_those_of_their_check() -> None:
    finding = Finding("consistency", Severity.CRITICAL, "the log has signed another tree", subject="fork")
    result = run_checks(HONEST.database(), HONEST, Scope(), ["consistency"], also=[finding])
    assert [shown["subject"] for shown in result.checks[0].findings] == ["fork"]


def test_content_that_is_no_record_is_no_reason_for_a_finding() -> None:
    log = Logbook(story())
    foreign = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SYSTEM, payload=b"{}", content_type="application/json")
    log.append(foreign, END)
    assert log.audit().findings == ()


def test_a_statement_that_is_in_the_log_twice_is_found_by_its_id() -> None:
    log = Logbook(story())
    log.append(log.entries[log.index["beat 5"]], END)
    assert log.audit("ids", "stream-repeats", "stream-chain").named() == [("ids", ("78", "beat 5"))]


# ------------------------------------------------------------------------------------------------------------- time


def test_a_late_record_says_whether_it_was_also_signed_late() -> None:
    late = at(5) + 30_000 + 200_000
    anchor = {"size": 1, "root": HONEST.root_at(TreeSize(1))}
    (sent_late,) = Logbook(changed(story(), "beat 5", logged=late, anchor=anchor)).audit("lateness").findings
    (signed_late,) = Logbook(changed(story(), "beat 5", logged=late)).audit("lateness").findings
    assert "nothing shows the time of signing" in sent_late.message
    assert "an anchor shows signing that was late too" in signed_late.message


def test_a_tree_that_was_signed_twice_makes_no_second_record_of_one_that_was_late() -> None:
    log = Logbook(changed(story(), "beat 5", logged=at(5) + 30_000 + 200_000))
    log.heads += [head._replace(time=head.time + 1_000) for head in log.heads]
    (finding,) = log.audit("lateness").findings
    assert (finding.count, finding.entries) == (1, (log.index["beat 5"],))


def test_the_bound_of_an_undeclared_system_is_stated() -> None:
    events = [Event("beat", "control-operation", heartbeat(START), START, logged=START + 2 * DAY_MS)]
    audited = Logbook(events).audit("lateness")
    assert audited.named() == [("lateness", ("beat",))]
    assert "86400 s" in audited.not_recorded("lateness")[0]
    assert Logbook([replace(events[0], logged=START + DAY_MS - 2_000)]).audit("lateness").verdicts == {
        "lateness": "not-recorded"
    }


def test_a_request_without_a_due_date_cannot_be_judged() -> None:
    assert Logbook(changed(story(), "adverse", body={"due": None})).audit("notices").verdicts == {
        "notices": "not-recorded"
    }
    assert Logbook(changed(story(), "question", body={"due": None})).audit("notices").verdicts == {
        "notices": "not-recorded"
    }
    told = {"kind": "ai-use", "channel": "app", "sent": at(5), "template_digest": bytes(32)}
    assert Logbook([Event("told", "notice", told, at(5))]).audit("notices").verdicts == {"notices": "not-applicable"}


def test_without_heads_nothing_is_said_about_time() -> None:
    log = Logbook(story())
    log.heads.clear()
    assert log.audit("lateness", "clock").verdicts == {"lateness": "not-recorded", "clock": "not-recorded"}


def test_a_log_whose_clock_goes_back_is_found() -> None:
    log = Logbook(story())
    size, time, _ = log.heads[40]
    log.heads[40] = Head(size, time + 10 * MINUTE_MS)
    (finding,) = log.audit("clock").findings
    assert (finding.entries, "went back" in finding.message) == ((size,), True)


def test_a_witness_who_saw_a_record_before_its_time_is_believed() -> None:
    log = Logbook(story())
    size = log.index["beat 5"] + 1
    log.heads.append(Head(size, at(5) + 31_000, "w1.example"))
    assert log.audit("clock").findings == ()
    log.heads.append(Head(size + 1, at(3), "w2.example"))
    messages = [finding.message for finding in log.audit("clock").findings]
    assert any("says the witness w2.example" in message for message in messages)
    assert any("w2.example cosigned" in message for message in messages)


# ------------------------------------------------------------------------------------------------------------- scope


def test_a_scope_leaves_out_what_is_not_in_its_window() -> None:
    events = without(story(), "beat 5")
    log = Logbook(events)
    assert log.audit("heartbeat-gaps", scope=Scope(start=at(7))).findings == ()
    assert log.audit("heartbeat-gaps", scope=Scope(end=at(4))).findings == ()
    assert log.audit("heartbeat-gaps", scope=Scope(start=at(5), end=at(6))).found == {"heartbeat-gaps"}


def test_a_scope_chooses_issuers_and_systems() -> None:
    log = Logbook(changed(story(), "inference 5", body={"provider": {"name": "Shadow Compute"}}))
    assert log.audit("providers", scope=Scope(issuers=frozenset({ISSUER}))).found == {"providers"}
    assert log.audit("providers", scope=Scope(issuers=frozenset({OTHER_ISSUER}))).verdicts == {
        "providers": "not-applicable"
    }
    assert log.audit("providers", scope=Scope(systems=frozenset({"urn:example:other"}))).found == set()


def test_a_window_that_is_none_is_refused() -> None:
    with pytest.raises(MalformedError, match="window"):
        Scope(start=5, end=5)


def test_an_unknown_check_is_refused_by_name() -> None:
    with pytest.raises(MalformedError, match="got horoscope"):
        HONEST.audit("horoscope")


NARROWED = CHECKS.keys() - {"attempts", "notices", "erasures", "incidents", "control-lifetimes"}


@pytest.mark.parametrize("spoiled", SPOILED, ids=[spoiled.name for spoiled in SPOILED])
def test_what_was_judged_before_is_not_told_again(spoiled: Spoiled) -> None:
    log = spoiled.log
    names = sorted(NARROWED if spoiled.only is None else NARROWED & {spoiled.only})
    scope = Scope(since=len(log.entries), as_of=spoiled.as_of)
    if names:
        assert log.audit(*names, scope=scope).findings == ()


@pytest.mark.parametrize("spoiled", SPOILED, ids=[spoiled.name for spoiled in SPOILED])
def test_an_audit_in_two_parts_finds_the_same(spoiled: Spoiled) -> None:
    log = spoiled.log
    names = () if spoiled.only is None else (spoiled.only,)
    whole = {finding.key for finding in log.audit(*names, scope=Scope(as_of=spoiled.as_of)).findings}
    middle = len(log.entries) // 2
    database = log.database(end=middle)
    begun = log.audit(*names, database=database)
    first = {finding.key for finding in begun.findings}
    log.fill(database)
    scope = Scope(since=begun.result.resume_from, as_of=spoiled.as_of)
    second = {finding.key for finding in log.audit(*names, scope=scope, database=database).findings}
    assert whole <= first | second
