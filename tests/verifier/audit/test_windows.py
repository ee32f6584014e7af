"""What a period shows: controls with their gaps and coverage, late records, holes in streams, series for pictures."""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from glasslog.audit.result import run_checks
from glasslog.audit.scope import Scope
from glasslog.audit.series import BUCKETS_MAX, period_of
from glasslog.audit.view import View
from glasslog.cbor import Value
from tests.verifier.audit.logbook import Event, Logbook, changed, without
from tests.verifier.audit.story import END, MINUTE_MS, START, heartbeat, story
from tests.verifier.evidence import ISSUER, SYSTEM
from tests.verifier.records.examples import BODIES, DAY_MS


def windows_of(events: Iterable[Event], **scope: Value) -> dict[str, Value]:
    log = Logbook(events)
    return run_checks(log.database(), log, Scope(**scope), ["ids"]).windows


def beats(minutes: Iterable[int]) -> list[Event]:
    return [
        Event(f"beat {minute}", "control-operation", heartbeat(time), time, stream="controls")
        for minute in minutes
        for time in [START + minute * MINUTE_MS]
    ]


DECLARED = next(event for event in story() if event.name == "system")


def test_a_control_that_always_reported_covers_everything() -> None:
    (control,) = windows_of(story())["controls"]
    assert control["issuer"] == ISSUER
    assert control["first_seen"] == START + 90_000
    assert control["last_seen"] == END + 30_000
    assert (control["heartbeats"], control["operations"], control["unhealthy"]) == (15, 15, 0)
    assert control["gaps"] == {"count": 0, "seconds": 0, "first": []}
    assert control["coverage_percent"] == 100


def test_a_silence_is_taken_from_the_coverage() -> None:
    (control,) = windows_of([DECLARED, *beats([1, 2, 7, 8, 9, 10])])["controls"]
    assert control["gaps"]["count"] == 1
    assert control["gaps"]["seconds"] == 300
    assert [gap["seconds"] for gap in control["gaps"]["first"]] == [300]
    assert control["coverage_percent"] == pytest.approx(50, abs=0.2)  # five minutes of ten


def test_coverage_is_that_of_the_window() -> None:
    events = [DECLARED, *beats([1, 2, 7, 8, 9, 10])]
    (control,) = windows_of(events, start=START + 5 * MINUTE_MS, end=START + 9 * MINUTE_MS)["controls"]
    assert control["coverage_percent"] == 50  # two minutes of four
    assert (control["first_seen"], control["last_seen"]) == (START + 7 * MINUTE_MS, START + 8 * MINUTE_MS)


def test_a_control_that_never_reported_covers_nothing() -> None:
    (control,) = windows_of([DECLARED, *(replace(beat, system="urn:example:other") for beat in beats([10]))])[
        "controls"
    ]
    assert (control["first_seen"], control["heartbeats"], control["coverage_percent"]) == (None, 0, 0)


def test_unhealthy_heartbeats_are_counted() -> None:
    (control,) = windows_of(changed(story(), "beat 3", body={"healthy": False}))["controls"]
    assert control["unhealthy"] == 1


def test_what_nobody_declared_is_listed_as_that() -> None:
    shown = windows_of(beats([1, 2]))
    assert shown["controls"] == []
    assert [(one["control"], one["heartbeats"]) for one in shown["undeclared_controls"]] == [("ranges", 2)]
    assert shown["not_recorded"] == [f"{SYSTEM} declares no controls: nothing says which heartbeats there should be"]


def test_late_records_are_listed_with_their_bound() -> None:
    shown = windows_of(changed(story(), "beat 5", logged=START + 20 * MINUTE_MS))["late"]
    (late,) = shown["first"]
    assert (shown["count"], late["late_ms"], late["bound_ms"], late["stream"]) == (1, 871_000, 120_000, "controls")


def test_streams_say_what_they_miss_and_repeat() -> None:
    events = changed(changed(story(), "beat 5", lost=True), "answer", seq=3)
    streams = {one["stream"]: one for one in windows_of(events)["streams"]["first"]}
    assert (streams["controls"]["missing"], streams["controls"]["repeated"]) == (1, 0)
    assert (streams["decisions"]["missing"], streams["decisions"]["repeated"]) == (0, 1)
    assert next(iter(streams)) == "controls"


def test_series_count_what_is_there() -> None:
    shown = windows_of(story())
    (system,) = shown["timelines"]["systems"]
    buckets = shown["period"]["buckets"]
    totals = {name: sum(series) for name, series in system["by_type"].items()}
    assert totals["inference"] == 12
    assert sum(totals.values()) == system["records"] == 78
    assert sum(system["guardrail_decisions"]["allow"]) == 36
    assert system["guardrails"]["grounding"] == {"allow": 12}
    assert sum(system["oversight_actions"]["override"]) == 12
    assert sum(system["heartbeats"]["ranges"]) == 15
    assert sum(system["statuses"]["completed"]) == 12
    assert shown["timelines"]["tree"][-1] == 78
    assert shown["timelines"]["tree"] == sorted(shown["timelines"]["tree"])
    assert {len(series) for series in system["by_type"].values()} == {buckets} == {len(shown["timelines"]["tree"])}
    assert sum(shown["timelines"]["lateness"]["records"]) == 78


def test_a_record_that_claims_to_be_ancient_does_not_stretch_the_picture() -> None:
    old = Event("old", "outcome", BODIES["outcome"], 5, stream="other", logged=END)
    shown = windows_of([*story(), old])
    assert shown["period"]["start"] >= START - DAY_MS
    assert shown["timelines"]["outside_period"] == 1


@pytest.mark.parametrize("length_ms", [1, 1_000, 59_999, 3_600_000, 10 * DAY_MS, 400 * DAY_MS, 10_000 * DAY_MS])
def test_there_are_never_too_many_buckets(length_ms: int) -> None:
    log = Logbook(beats([1]))
    period = period_of(View(log.database(), log, Scope(start=START, end=START + length_ms)))
    assert 1 <= period.buckets <= BUCKETS_MAX
    assert period.start <= START
    assert period.end == START + length_ms


def test_an_empty_log_has_windows_too() -> None:
    shown = windows_of([])
    assert (shown["controls"], shown["streams"]["count"], shown["late"]["count"]) == ([], 0, 0)
    json.dumps(shown)


def test_a_window_leaves_out_other_systems() -> None:
    shown = windows_of(without(story()), systems=frozenset({"urn:example:other"}))
    assert shown["controls"] == []
    assert shown["timelines"]["systems"] == []
