"""An honest quarter of an hour of a system that decides: every check has something to look at, and nothing to find."""

from glasslog.cbor import Value
from tests.verifier.audit.logbook import OTHER_ISSUER, Event
from tests.verifier.evidence import SYSTEM, TIME_MS, digest, uuid7
from tests.verifier.records.examples import BODIES, DAY_MS, HOUR_MS

START = TIME_MS
MINUTE_MS = 60_000
MINUTES = 15
END = START + MINUTES * MINUTE_MS
GUARDRAILS = ("ranges", "privacy", "grounding")
MODEL, CONFIG, EVALUATION = "model", "guardrail set", "validation"


def execution(guardian: str, started: int, position: str = "pre", decision: str = "allow") -> dict[str, Value]:
    return {
        "guardian": {"id": guardian, "name": guardian, "version": "1", "provider": "clinic"},
        "policy": {"id": guardian, "version": "1", "digest": digest(guardian)},
        "target": "llm_output" if position == "post" else "llm_input",
        "position": position,
        "decision": decision,
        "findings": [],
        "started": started,
        "latency_ms": 5,
    }


def inference(time: int, *executions: dict[str, Value], **more: Value) -> dict[str, Value]:
    return {
        "operation": "classify",
        "provider": {"name": "Nimbus Cloud"},
        "requested_model": "triage",
        "response_model": "triage-7",
        "model": uuid7(MODEL),
        "model_assurance": "provider-returned",
        "config": uuid7(CONFIG),
        "params": {},
        "status": "completed",
        "usage": {},
        "latency_ms": 200,
        "automation": "in-loop",
        "decision": {"label": "refer"},
        "guardrails": list(executions) or [execution("ranges", time - 20), execution("privacy", time + 220, "post")],
        **more,
    }


def registrations() -> list[Event]:
    bodies: list[tuple[str, str, dict[str, Value]]] = [
        (
            "system",
            "system-registration",
            {
                **BODIES["system-registration"],
                "owner": "Lumen",
                "declared_controls": [{"id": "ranges", "cadence_s": 60, "max_gap_s": 90}],
                "max_lateness_s": 120,
            },
        ),
        (
            MODEL,
            "model-registration",
            {**BODIES["model-registration"], "name": "triage", "version": "7", "kind": "hosted"},
        ),
        (
            CONFIG,
            "config-registration",
            {**BODIES["config-registration"], "digest": digest(CONFIG), "guardrails": list(GUARDRAILS)},
        ),
        ("nimbus", "subprocessor-change", {**BODIES["subprocessor-change"], "effective": START}),
        (EVALUATION, "evaluation", {**BODIES["evaluation"], "model": uuid7(MODEL)}),
        (
            "deployment",
            "deployment",
            {**BODIES["deployment"], "model": uuid7(MODEL), "validation": uuid7(EVALUATION), "effective": START},
        ),
    ]
    return [Event(name, kind, body, START + 100 * position) for position, (name, kind, body) in enumerate(bodies)]


def decision(number: int, time: int) -> list[Event]:
    """One decision: announced, guarded, made, looked at."""
    name = str(number)
    return [
        Event(f"attempt {name}", "inference-attempt", attempt(), time, name),
        Event(f"grounding {name}", "guardrail-execution", execution("grounding", time + 210, "post"), time + 210, name),
        Event(
            f"inference {name}",
            "inference",
            inference(time + 10),
            time + 10,
            name,
            links=(("attempt", f"attempt {name}"),),
        ),
        Event(
            f"oversight {name}",
            "oversight",
            {key: value for key, value in BODIES["oversight"].items() if key != "second_reviewer"},
            time + 20_000,
            name,
            stream="reviews",
            issuer=OTHER_ISSUER,
            links=(("reviews", f"inference {name}"),),
        ),
    ]


def attempt() -> dict[str, Value]:
    return {
        "operation": "classify",
        "provider": {"name": "Nimbus Cloud"},
        "requested_model": "triage",
        "required_guardrails": digest(CONFIG),
    }


def heartbeat(time: int) -> dict[str, Value]:
    return {
        "control": "ranges",
        "period": {"from": time - MINUTE_MS, "to": time},
        "count": 1,
        "by_status": {"allow": 1},
        "healthy": True,
    }


def duties() -> list[Event]:
    """Notices, an erasure, an incident: all done in time."""
    later = START + 10 * MINUTE_MS
    asked = {"channel": "portal", "opened": later, "due": later + HOUR_MS}
    sent: dict[str, Value] = {"channel": "letter", "template_digest": digest("letter"), "sent": later + 3 * MINUTE_MS}
    target = {"store": "vault", "at": later}
    erasure = {"request_id": "dsr-1", "basis": "gdpr-17-1-b", "commitments": [digest("input")]}
    return [
        Event("adverse", "notice", {"kind": "adverse", **sent, "due": later + DAY_MS}, later + 3 * MINUTE_MS, "1"),
        Event("question", "explanation", asked, later, "2"),
        Event("answer", "explanation", sent, later + 3 * MINUTE_MS, "2"),
        Event("erasure asked", "erasure", {**erasure, "targets": [{**target, "state": "requested"}]}, later),
        Event("erasure done", "erasure", {**erasure, "targets": [{**target, "state": "confirmed"}]}, later + MINUTE_MS),
        Event("incident", "incident", {**BODIES["incident"], "aware_at": later}, later),
    ]


def story() -> list[Event]:
    """Return the events, in order of time."""
    decisions = [event for minute in range(1, 13) for event in decision(minute, START + minute * MINUTE_MS)]
    beats = [
        Event(f"beat {minute}", "control-operation", heartbeat(time), time, stream="controls")
        for minute in range(1, MINUTES + 1)
        for time in [START + minute * MINUTE_MS + 30_000]
    ]
    counted = {"source": {"name": "worklist", "counter": "cases"}, "from": START, "to": END}
    zeros = dict.fromkeys(("observed_unrecorded", "recorded_unobserved", "excluded", "indeterminate"), 0)
    closing = [
        Event("seal", "window-seal", seal(START, START + 13 * MINUTE_MS, 0, 45), END - MINUTE_MS, stream="seals"),
        Event("next seal", "window-seal", seal(START + 13 * MINUTE_MS, END, 46, 47), END, stream="seals"),
        Event("counted", "coverage-reconciliation", {**counted, "matched": 12, **zeros}, END, stream="seals"),
    ]
    return sorted([*registrations(), *decisions, *duties(), *beats, *closing], key=lambda event: event.time)


def seal(start: int, end: int, first: int, last: int) -> dict[str, Value]:
    """Return the seal of the stream of decisions: registrations, decisions and duties have numbers in it."""
    streams = [{"id": "decisions", "first_seq": first, "last_seq": last, "count": last + 1 - first}]
    return {"from": start, "to": end, "tree_size_start": 0, "tree_size_end": 1, "streams": streams}


__all__ = ["END", "MINUTE_MS", "START", "SYSTEM", "decision", "story"]
