"""What is the same as something that was told before, and what is not."""

import pytest

from glasslog.audit import checks
from glasslog.audit.finding import Finding, Severity
from glasslog.counting import counted
from glasslog.monitor import sieve as sieve_module
from glasslog.monitor.alert import EPISODIC, Alert, alert_of_finding
from glasslog.monitor.journal import Journal
from glasslog.monitor.sieve import OF_A_KIND_MAX, Sieve

LOG = "log.example/2025"
HOUR_MS = 3_600_000
DAY_S = 86_400.0


def alert(finding: Finding) -> Alert:
    return alert_of_finding(LOG, finding, [])


def told(journal: Journal, *alerts: Alert, now_s: float = 0.0, size: int = 0) -> tuple[list[Alert], Journal]:
    sieve = Sieve(journal, now_s, size)
    sieve.take_all(alerts)
    return sieve.new, sieve.remembered()


def test_a_finding_is_told_once() -> None:
    gap = alert(Finding("stream-gaps", Severity.HIGH, "number 5 is missing", (9, 7), "iss", "sys", "stream"))
    new, journal = told(Journal(LOG), gap, gap)
    assert new == [gap]
    again, journal = told(journal, gap)
    assert again == []
    nothing, journal = told(journal)
    assert nothing == []
    assert told(journal, gap)[0] == []  # nor after it was not found for a while


def test_a_finding_that_becomes_graver_is_told_again_and_a_milder_one_is_not() -> None:
    open_one = alert(Finding("erasures", Severity.MEDIUM, "open", (3,), "iss", "sys", "dsr-7", start=1))
    old = alert(Finding("erasures", Severity.HIGH, "open for long", (3,), "iss", "sys", "dsr-7", start=1))
    _, journal = told(Journal(LOG), open_one)
    new, journal = told(journal, old)
    assert new == [old]
    assert told(journal, open_one, old)[0] == []


def test_findings_of_two_issuers_are_never_taken_for_one() -> None:
    one = alert(Finding("ids", Severity.HIGH, "twice", (1,), "https://a|b", "c"))
    other = alert(Finding("ids", Severity.HIGH, "twice", (1,), "https://a", "b|c"))
    assert told(Journal(LOG), one, other)[0] == [one, other]


def test_a_condition_is_told_when_it_begins_and_when_it_comes_back() -> None:
    stale = Alert("stale", Severity.HIGH, LOG, "5 s old", ("stale",), stands=True)
    new, journal = told(Journal(LOG), stale)
    assert new == [stale]
    new, journal = told(journal, stale)
    assert new == []
    _, journal = told(journal)
    assert told(journal, stale)[0] == [stale]


def test_all_contradictions_of_one_fork_are_one_alert() -> None:
    def fork(name: str) -> Alert:
        return alert(Finding("consistency", Severity.CRITICAL, f"the proof is {name}", subject=name))

    first = fork("100-aaaa-100-bbbb.fork")
    new, journal = told(Journal(LOG), first, fork("100-aaaa-120-cccc.fork"))
    assert new == [first]
    assert told(journal, fork("120-cccc-130-dddd.fork"), fork("200-eeee-210-ffff.fork"))[0] == []


def test_a_rollback_is_one_however_far_the_log_comes_again() -> None:
    def back(now: int) -> Alert:
        message = f"the log has shown 300 entries, and shows {now} now: it went back"
        return alert(Finding("consistency", Severity.CRITICAL, message, subject="rollback"))

    new, journal = told(Journal(LOG), back(100))
    assert [one.kind for one in new] == ["rollback"]
    assert told(journal, back(150))[0] == []


def test_what_else_is_wrong_with_a_tree_head_is_no_fork() -> None:
    unsigned = alert(Finding("consistency", Severity.CRITICAL, "expected a signature", (8,)))
    assert (unsigned.kind, unsigned.evidence) == ("consistency", None)


# ------------------------------------------------------------------------------------------------------------- episodes


def off(first: int, start_h: float, end_h: float, count: int = 1) -> Alert:
    message = f"the required guardrail pii did not run for {counted(count, 'inferences')}"
    about = ("https://iss", "urn:sys", "pii", count, int(start_h * HOUR_MS), int(end_h * HOUR_MS))
    return alert(Finding("guardrails", Severity.HIGH, message, (first,), *about))


def test_an_episode_that_goes_on_is_told_once_a_day() -> None:
    new, journal = told(Journal(LOG), off(10, 0, 1), now_s=0, size=20)
    assert len(new) == 1
    for hour in range(1, 23):
        new, journal = told(journal, off(hour * 20, hour, hour + 1, hour), now_s=hour * 3_600, size=hour * 20 + 20)
        assert new == []
    assert len(told(journal, off(500, 24, 25), now_s=DAY_S, size=600)[0]) == 1


@pytest.mark.parametrize("count", [2, 999, 1_000, 1_000_000])
def test_an_episode_of_one_that_grows_is_the_same(count: int) -> None:
    _, journal = told(Journal(LOG), off(10, 0, 0, 1), size=20)
    assert told(journal, off(10, 0, 1, count), now_s=60, size=40)[0] == []


def test_an_episode_after_a_pause_is_another_one() -> None:
    _, journal = told(Journal(LOG), off(10, 0, 1), size=20)
    assert len(told(journal, off(30, 3, 3), now_s=60, size=40)[0]) == 1


def test_a_later_part_of_an_episode_that_was_told_is_not_told_again() -> None:
    """The next audit may begin in the middle of it, when something else was pending there."""
    _, journal = told(Journal(LOG), off(10, 0, 5), size=200)
    new, journal = told(journal, off(90, 4, 5), now_s=10 * DAY_S, size=210)
    assert new == []


def test_another_guardrail_has_an_episode_of_its_own() -> None:
    _, journal = told(Journal(LOG), off(10, 0, 1), size=20)
    other = alert(
        Finding("guardrails", Severity.HIGH, "the required guardrail x", (12,), "https://iss", "urn:sys", "x", 1, 0, 1)
    )
    assert told(journal, other, size=30)[0] == [other]


def test_the_checks_whose_findings_are_episodes_are_known() -> None:
    modules = [module for module in vars(checks).values() if hasattr(module, "CHECK")]
    gathering = {module.CHECK.id for module in modules if hasattr(module, "gather")}
    assert gathering == EPISODIC


# --------------------------------------------------------------------------------------------------------------- bounds


def test_a_flood_of_one_kind_is_a_number_and_hides_no_other_kind() -> None:
    flood = [alert(Finding("signature", Severity.CRITICAL, "refused", (entry,))) for entry in range(1_000)]
    flood.insert(500, alert(Finding("ids", Severity.LOW, "twice", (3,))))
    new, journal = told(Journal(LOG), *flood)
    assert len(new) == OF_A_KIND_MAX + 2
    assert new[-1].message.startswith("900 more of this kind")
    assert new[-1].severity is Severity.CRITICAL
    assert told(journal, *flood)[0] == []


def test_the_number_is_as_grave_as_the_gravest_in_it() -> None:
    found = [alert(Finding("ids", Severity.LOW, "twice", (entry,))) for entry in range(OF_A_KIND_MAX + 1)]
    found.append(alert(Finding("ids", Severity.HIGH, "twice", (9_999,))))
    assert told(Journal(LOG), *found)[0][-1].severity is Severity.HIGH


def test_what_was_not_found_for_the_longest_time_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve_module, "TOLD_MAX", 10)
    found = [alert(Finding("ids", Severity.LOW, "twice", (entry,))) for entry in range(40)]
    _, journal = told(Journal(LOG), *found)
    assert len(journal.told) == 10
    _, journal = told(journal, found[30])  # found again
    _, journal = told(journal, *found[:9])
    new, _ = told(journal, found[30], found[31])
    assert new == [found[31]]
