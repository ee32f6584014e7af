"""The state of a spool: what it knows after each record and note, and that it can be written down."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.records import Stream as Place
from glasslog_issuer import AppliedPolicy, Body, DirectRecording, Guardian, GuardrailExecution
from glasslog_issuer.bodies import (
    ControlOperation,
    DeclaredControl,
    Period,
    SealedStream,
    SystemRegistration,
    WindowSeal,
)
from glasslog_issuer.spool import state as states
from glasslog_issuer.spool.state import ControlState, SpoolState, cut, declaration, decode_state, observation
from tests.issuer.parties import CONFIG, MODEL, inference, make_issuer
from tests.verifier.evidence import TIME_MS, digest

BEGINNING = SpoolState(Place("decisions", 0))


def run(*steps: Body | dict[str, Any]) -> SpoolState:
    state = BEGINNING
    recording = DirectRecording(make_issuer())
    for step in steps:
        if isinstance(step, dict):
            state = state.after_note(step)
        else:
            signed = recording.record(step)
            state = state.after_record(signed.record, signed.statement.leaf_hash)
    return state


def execution(guardian: str, decision: Any = "allow") -> GuardrailExecution:  # noqa: ANN401
    return GuardrailExecution(
        guardian=Guardian(id=guardian, name="G", version="1", provider="p"),
        policy=AppliedPolicy(id="p", version="1", digest=digest("p")),
        target="llm_input",
        position="pre",
        decision=decision,
        started=TIME_MS,
        latency_ms=1,
    )


def system(*controls: str) -> SystemRegistration:
    return SystemRegistration(
        name="triage",
        purpose="p",
        owner="o",
        role="provider",
        risk_tier="high",
        regimes=[],
        declared_controls=[DeclaredControl(id=control, cadence_s=60, max_gap_s=120) for control in controls],
        max_lateness_s=600,
    )


def beat(control: str, **by_status: int) -> ControlOperation:
    period = Period(from_=TIME_MS, to=TIME_MS + 60_000)
    count = sum(by_status.values())
    return ControlOperation(control=control, period=period, count=count, by_status=by_status, healthy=True)


def test_the_next_place_is_behind_the_last_record() -> None:
    recording = DirectRecording(make_issuer())
    first, second = recording.record(MODEL), recording.record(CONFIG)
    state = BEGINNING.after_record(first.record, first.statement.leaf_hash)
    assert state.place == second.record.stream


def test_declared_controls_are_counted_by_the_executions_of_their_guardians_and_by_observations() -> None:
    state = run(
        system("gate", "drift"),
        execution("gate"),
        execution("other"),
        inference(guardrails=[execution("gate"), execution("gate", "deny"), execution("other")]),
        observation("drift", "ran"),
        observation("other", "ran"),
    )
    assert {name: control.by_status for name, control in state.controls.items()} == {
        "gate": {"allow": 2, "deny": 1},
        "drift": {"ran": 1},
    }


def test_a_heartbeat_takes_what_it_told_from_the_counts_and_begins_the_next_period() -> None:
    state = run(system("gate"), execution("gate"), execution("gate", "deny"), beat("gate", allow=1))
    assert state.controls["gate"] == ControlState(60, 120, TIME_MS + 60_000, {"deny": 1})


def test_what_failed_is_named_until_a_heartbeat_has_named_it() -> None:
    before = run(system("gate"), execution("gate", "error-fail-open"))
    [exception] = before.controls["gate"].exceptions
    assert len(exception) == 16


def test_a_declaration_keeps_the_counts_of_controls_that_stay_and_forgets_the_others() -> None:
    declared = declaration({"gate": (30, 90), "new": (5, 10)}, TIME_MS + 7)
    state = run(system("gate", "drift"), execution("gate"), declared)
    assert state.controls == {
        "gate": ControlState(30, 90, TIME_MS, {"allow": 1}),
        "new": ControlState(5, 10, TIME_MS + 7),
    }


def test_more_statuses_than_a_heartbeat_can_tell_apart_are_counted_together() -> None:
    notes = [observation("drift", f"status-{number}") for number in range(100)]
    [control] = run(system("drift"), *notes).controls.values()
    assert len(control.by_status) == states.STATUSES_MAX
    assert sum(control.by_status.values()) == 100


def test_a_registration_is_known_by_type_kind_and_name_until_another_takes_its_place() -> None:
    recording = DirectRecording(make_issuer())
    signed = recording.record(CONFIG)
    state = BEGINNING.after_record(signed.record, signed.statement.leaf_hash)
    [(key, known)] = state.registrations.items()
    assert key == "config-registration threshold triage"
    assert known.id == signed.id
    assert known.fingerprint == states.fingerprint({**signed.record.body, "previous": b"any"})


def test_windows_follow_each_other_without_a_gap_and_wait_for_their_seals() -> None:
    state = run(cut(100, 5), MODEL, CONFIG, cut(200, 7), MODEL, cut(300, 9))
    assert [(w.start, w.end, w.first_seq, w.last_seq, w.tree_size) for w in state.closed] == [
        (100, 200, 0, 1, 5),
        (200, 300, 2, 2, 7),
    ]
    assert state.window is not None
    assert (state.window.start, state.window.first_seq, state.window.tree_size) == (300, 3, 9)
    seal = WindowSeal(
        from_=100,
        to=200,
        tree_size_start=5,
        tree_size_end=9,
        streams=[SealedStream(id="decisions", first_seq=0, last_seq=1, count=2)],
    )
    assert [w.start for w in run(cut(100, 5), MODEL, CONFIG, cut(200, 7), MODEL, cut(300, 9), seal).closed] == [200]


def test_windows_that_wait_too_long_become_one_and_none_is_left_out(monkeypatch: Any) -> None:  # noqa: ANN401
    monkeypatch.setattr(states, "WINDOWS_MAX", 2)
    state = run(cut(100, 1), MODEL, cut(200, 2), MODEL, cut(300, 3), MODEL, cut(400, 4))
    assert [(w.start, w.end, w.first_seq, w.last_seq) for w in state.closed] == [(100, 300, 0, 1), (300, 400, 2, 2)]


STEPS = st.lists(
    st.sampled_from(
        [
            MODEL,
            CONFIG,
            system("gate", "drift"),
            execution("gate"),
            execution("gate", "error-fail-open"),
            inference(guardrails=[execution("gate", "deny")]),
            beat("gate", allow=1),
            observation("drift", "ran", b"x" * 16),
            declaration({"gate": (1, 2)}, TIME_MS),
            cut(TIME_MS, 3),
        ]
    ),
    max_size=12,
)


@given(STEPS)
def test_a_state_is_read_back_as_it_was_written(steps: list[Any]) -> None:
    state = run(*steps)
    assert decode_state(cbor.decode(cbor.encode(state.encode()))) == state
