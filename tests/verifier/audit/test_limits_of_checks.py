"""What is pending and what was not recorded: neither is a finding, and neither is ok."""

from dataclasses import replace

from glasslog.audit.scope import Scope
from tests.verifier.audit.logbook import Event, Logbook, changed, without
from tests.verifier.audit.spoiled import UNSEALED, at
from tests.verifier.audit.story import END, registrations, seal, story
from tests.verifier.evidence import uuid7
from tests.verifier.records.examples import BODIES, HOUR_MS


def pending(log: Logbook, check: str, as_of: int | None = None) -> tuple[int, int | None]:
    (result,) = log.audit(check, scope=Scope(as_of=as_of)).result.checks
    assert not result.counts
    return result.examination.pending, result.examination.oldest_pending


def test_a_guardrail_set_that_is_registered_afterwards_required_nothing() -> None:
    log = Logbook(changed(UNSEALED(story()), "guardrail set", time=at(3)))
    audited = log.audit("guardrails")
    assert audited.findings == ()
    assert audited.not_recorded("guardrails") == [
        "no registered guardrail set is named by 2 inferences of urn:example:triage"
    ]


def test_a_set_that_lists_no_guardrails_requires_nothing_that_could_be_checked() -> None:
    audited = Logbook(changed(story(), "guardrail set", body={"guardrails": None})).audit("guardrails")
    assert audited.verdicts == {"guardrails": "not-recorded"}


def test_tests_need_no_guardrails() -> None:
    events = [replace(event, env="test") if event.type == "inference" else event for event in story()]
    assert Logbook(events).audit("guardrails", "oversight").verdicts == {
        "guardrails": "not-applicable",
        "oversight": "not-applicable",
    }


def test_a_guardrails_own_record_may_be_on_its_way() -> None:
    log = Logbook(without(UNSEALED(story()), "grounding 12"))
    assert pending(log, "guardrails", at(12) + 60_000) == (1, log.index["inference 12"])
    assert log.audit("guardrails").named() == [("guardrails", ("inference 12",))]


def test_a_sealed_record_may_be_on_its_way() -> None:
    log = Logbook(changed(story(), "next seal", body=seal(at(13), END, 46, 48)))
    assert pending(log, "seals") == (1, log.index["next seal"])


def test_a_heartbeat_may_be_on_its_way() -> None:
    log = Logbook(without(story(), "beat 15"))
    assert pending(log, "control-lifetimes", at(14) + 30_000 + 200_000)[0] == 1


def test_a_hosted_model_that_does_not_say_its_name_leaves_the_question_open() -> None:
    events = changed(story(), "inference 5", body={"response_model": None})
    assert Logbook(events).audit("model-changes").not_recorded("model-changes") == [
        "inferences of triage in urn:example:triage do not say which model answered"
    ]
    assert Logbook(changed(events, "model", body={"kind": "weights"})).audit("model-changes").verdicts == {
        "model-changes": "ok"
    }


def test_an_incident_that_is_not_serious_needs_no_report() -> None:
    log = Logbook(changed(story(), "incident", body={"serious": False, "reports": None}))
    assert log.audit("incidents", scope=Scope(as_of=END + 1_000 * HOUR_MS)).verdicts == {"incidents": "ok"}


def test_a_control_that_promises_more_from_now_on_is_held_to_both() -> None:
    declared = {"id": "ranges", "cadence_s": 30, "max_gap_s": 30}
    stricter = {**registrations()[0].body, "declared_controls": [declared]}
    events = [*story(), Event("stricter", "system-registration", stricter, at(10), stream="other")]
    silent = [names for check, names in Logbook(events).audit("heartbeat-gaps").named() if check == "heartbeat-gaps"]
    assert silent == [(f"beat {minute + 1}", f"beat {minute}") for minute in range(10, 15)]


def test_heartbeats_after_a_withdrawal_are_nobodys() -> None:
    withdrawn = {**registrations()[0].body, "declared_controls": []}
    events = [*story(), Event("withdrawn", "system-registration", withdrawn, at(10), stream="other")]
    (control,) = Logbook(events).audit().result.windows["controls"]
    assert (control["heartbeats"], control["last_seen"], control["withdrawn_at"]) == (9, at(9) + 30_000, at(10))


def test_an_id_of_another_issuer_does_not_stand_between_a_record_and_its_registration() -> None:
    stolen = {**BODIES["model-registration"], "name": "other", "version": "1"}
    first = Event("theft", "model-registration", stolen, at(0) - 1_000, issuer="https://hospital.example", id="model")
    assert first.record_id == uuid7("model")
    audited = Logbook([*story(), first]).audit()
    assert audited.named() == [("ids", ("model", "theft"))]
