"""An honest vendor of the log that is audited: it registers what it uses before it decides, and leaves nothing out.

Most of its records are inferences of about 1 KB, each with the execution of the guardrail that its registered set
requires. One decision in fifty waits for a person: announced, made, looked at. Beside them there is what an honest
vendor's program records by itself: heartbeats of its control, a seal and a count of others every ten minutes, and once
each of what happens now and then (a notice, an explanation, an erasure, an incident). All records have numbers without
gaps in one stream, name the one before them, and are anchored. The same number makes the same records.

Nothing is checked here: that the log admits these records, and finds nothing to object to, is for the audit to show.
"""

import hashlib
import random
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import cbor2

from benchmarks.corpus import uuid7
from glasslog.keys import SigningKey
from glasslog.statement import sign_statement

START_MS: Final = 1_700_000_100_000
ROUND_MS: Final = 10_000
"""A round is what happens between two tree heads."""

_HEARTBEAT_ROUNDS, _SEAL_ROUNDS = 6, 60
_REVIEWED_EVERY = 50  # decisions
_DAY_MS = 86_400_000
_STREAM = "records"
_GUARDRAIL_SET = ("phi-scan",)

Anchor = tuple[int, bytes]
"""Size and root of a tree that the log signed."""
_Body = Mapping[str, Any]


class Vendor:
    """One issuer with one system; `number` tells vendors apart."""

    def __init__(self, number: int) -> None:
        self.issuer = f"https://issuer-{number}.example"
        self.key = SigningKey(bytes([number]) * 32)
        self._system = f"urn:example:triage:{number}"
        self._rng = random.Random(number)
        self._ids = {name: uuid7(self._rng) for name in ("model", "config", "dataset", "validation")}
        self._seq, self._sealed_seq = 0, 0
        self._previous: bytes | None = None
        self._inferences, self._beaten, self._counted = 0, 0, 0
        self._sealed_size = 0
        self._subject = self._decision()
        self._round: list[bytes] = []
        self._anchor: Anchor = (0, b"")
        self._now = START_MS

    def round(self, number: int, count: int, anchor: Anchor) -> list[bytes]:
        """Return the entries of a round, `count` of them in order of time. Rounds come in their order."""
        self._round, self._anchor = [], anchor
        begin = START_MS + number * ROUND_MS
        records = self._records(number)
        for position in range(count):
            self._now = begin + position * ROUND_MS // count
            record_type, subject, body, more = next(records)
            self._record(record_type, subject, body, more)
        return self._round

    # ------------------------------------------------------------------------------------------------ what there is

    def _records(self, number: int) -> Iterator[tuple[str, str, _Body, _Body]]:
        if number == 0:
            yield from self._registrations()
        if number and number % _HEARTBEAT_ROUNDS == 0:
            yield "control-operation", self._system, self._heartbeat(), {}
        if number and number % _SEAL_ROUNDS == 0:
            yield "coverage-reconciliation", self._system, self._reconciliation(), {}
            yield "window-seal", self._system, self._seal(), {}
        yield from self._occasions(number)
        while True:
            subject = self._subject = self._decision()
            if self._inferences % _REVIEWED_EVERY:
                yield "inference", subject, self._inference("on-loop"), self._inference_fields()
            else:
                yield from self._reviewed(subject)

    def _registrations(self) -> Iterator[tuple[str, str, _Body, _Body]]:
        for record_type, name, body in (
            ("system-registration", "", self._system_registration()),
            ("dataset-registration", "dataset", _dataset()),
            ("model-registration", "model", _MODEL),
            ("config-registration", "config", _CONFIG),
            ("subprocessor-change", "", _SUBPROCESSOR),
            ("evaluation", "validation", self._evaluation()),
            ("deployment", "", self._deployment()),
        ):
            yield record_type, self._system, body, {"id": self._ids[name]} if name else {}

    def _reviewed(self, subject: str) -> Iterator[tuple[str, str, _Body, _Body]]:
        attempt, inference = uuid7(self._rng), uuid7(self._rng)
        yield "inference-attempt", subject, _ATTEMPT, {"id": attempt}
        answered = {**self._inference_fields(), "id": inference, "links": [{"rel": "attempt", "id": attempt}]}
        decision = {"label": "urgent", "score": self._rng.random(), "threshold": 0.5}
        yield "inference", subject, {**self._inference("in-loop"), "decision": decision}, answered
        yield "oversight", subject, self._oversight(), {"links": [{"rel": "reviews", "id": inference}]}

    def _occasions(self, number: int) -> Iterator[tuple[str, str, _Body, _Body]]:
        """Yield what happens now and then, about the decision before."""
        subject, sent = self._subject, {"channel": "letter", "template_digest": _digest("letter"), "sent": self._now}
        if number == 1:
            yield "notice", subject, {"kind": "adverse", **sent, "due": self._now + _DAY_MS}, {}
            yield "explanation", subject, {"channel": "portal", "opened": self._now, "due": self._now + _DAY_MS}, {}
            yield "explanation", subject, sent, {}
            yield "incident", self._system, _incident(self._now), {}
        if number in {2, 3}:
            state = "requested" if number == 2 else "confirmed"
            target = {"store": "vault", "state": state, "at": self._now}
            erasure = {"request_id": "dsr-1", "basis": "gdpr-17-1-b", "commitments": [_digest("erased")]}
            yield "erasure", self._system, {**erasure, "targets": [target]}, {}

    # ------------------------------------------------------------------------------------------------------- bodies

    def _inference(self, automation: str) -> dict[str, Any]:
        self._inferences += 1
        rng, latency_ms = self._rng, self._rng.randrange(2_000)
        execution = {**_EXECUTION, "started": self._now - latency_ms, "latency_ms": rng.randrange(50)}
        return {
            **_INFERENCE,
            "model": self._ids["model"],
            "config": self._ids["config"],
            "params": {"temperature": 0},
            "usage": {"input_tokens": rng.randrange(4_000), "output_tokens": rng.randrange(500)},
            "latency_ms": latency_ms,
            "automation": automation,
            "guardrails": [execution],
        }

    def _inference_fields(self) -> dict[str, Any]:
        return {"commitments": {name: self._rng.randbytes(32) for name in ("input", "output")}}

    def _oversight(self) -> _Body:
        reviewer, seconds = self._rng.randbytes(16), self._rng.randrange(5, 90)
        words = {"role": "radiologist", "action": "approve", "reason_code": "agrees"}
        return {"mode": "in-loop", "reviewer": reviewer, "seconds": seconds, **words}

    def _heartbeat(self) -> _Body:
        count, self._beaten = self._inferences - self._beaten, self._inferences
        period = {"from": self._now - _HEARTBEAT_ROUNDS * ROUND_MS, "to": self._now}
        return {"control": "phi-scan", "period": period, "count": count, "by_status": {"allow": count}, "healthy": True}

    def _reconciliation(self) -> _Body:
        matched, self._counted = self._inferences - self._counted, self._inferences
        zeros = dict.fromkeys(("observed_unrecorded", "recorded_unobserved", "excluded", "indeterminate"), 0)
        window = {"from": self._now - _SEAL_ROUNDS * ROUND_MS, "to": self._now}
        return {"source": {"name": "gateway", "counter": "requests"}, **window, "matched": matched, **zeros}

    def _seal(self) -> _Body:
        first, self._sealed_seq = self._sealed_seq, self._seq
        start, self._sealed_size = self._sealed_size, self._anchor[0]
        stream = {"id": _STREAM, "first_seq": first, "last_seq": self._seq - 1, "count": self._seq - first}
        window = {"from": self._now - _SEAL_ROUNDS * ROUND_MS, "to": self._now}
        return {**window, "tree_size_start": start, "tree_size_end": self._sealed_size, "streams": [stream]}

    def _system_registration(self) -> _Body:
        return {
            "name": "Triage",
            "purpose": "Put urgent examinations first on the worklist.",
            "owner": self.issuer,
            "role": "provider",
            "risk_tier": "high",
            "regimes": ["eu-ai-act", "gdpr"],
            "declared_controls": [{"id": "phi-scan", "cadence_s": 60, "max_gap_s": 120}],
            "max_lateness_s": 60,
        }

    def _evaluation(self) -> _Body:
        return {
            "kind": "validation",
            "model": self._ids["model"],
            "dataset": self._ids["dataset"],
            "tool": {"name": "fairlearn", "version": "0.12"},
            "n": 4_096,
            "metrics": [{"name": "auroc", "value": 0.96875}],
            "disparities": [],
            "verdict": "pass",
            "evaluator": {"who": "Institute for Clinical AI", "independent": True},
        }

    def _deployment(self) -> _Body:
        validation = self._ids["validation"]
        approval = {"role": "clinical-safety-officer", "who": _digest("officer")[:16], "at": START_MS - _DAY_MS}
        about = {"action": "deploy", "substantial": False, "approvals": [approval], "effective": START_MS}
        return {"model": self._ids["model"], "validation": validation, **about}

    # ------------------------------------------------------------------------------------------------------ signing

    def _record(self, record_type: str, subject: str, body: _Body, more: _Body) -> None:
        stream: dict[str, Any] = {"id": _STREAM, "seq": self._seq}
        if self._previous is not None:
            stream["prev"] = self._previous
        fields = {
            "v": 1,
            "type": record_type,
            "id": uuid7(self._rng),
            "time": self._now,
            "system": self._system,
            "env": "production",
            "stream": stream,
            "anchor": {"size": self._anchor[0], "root": self._anchor[1]},
            "body": body,
            **more,
        }
        payload = cbor2.dumps(fields, canonical=True)  # among text keys, the shorter first: what RFC 8949 asks for too
        signed = sign_statement(self.key, issuer=self.issuer, subject=subject, payload=payload)
        self._seq, self._previous = self._seq + 1, signed.leaf_hash
        self._round.append(signed.entry)

    def _decision(self) -> str:
        return f"urn:uuid:{uuid.UUID(bytes=self._rng.randbytes(16), version=4)}"


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _dataset() -> _Body:
    return {
        "name": "chest X-rays 2019-2023",
        "version": "4",
        "digest": _digest("dataset"),
        "rows": 112_120,
        "sources": ["public NIH set"],
        "collection_period": {"from": START_MS - 400 * _DAY_MS, "to": START_MS - 100 * _DAY_MS},
        "lawful_basis": "gdpr-6-1-e",
        "consent": "waived",
        "labelling": "two radiologists, third on disagreement",
        "preprocessing_digest": _digest("preprocessing"),
        "licence": "CC0-1.0",
    }


def _incident(time_ms: int) -> _Body:
    report = {"to": "market surveillance authority", "at": time_ms, "deadline": time_ms + 15 * _DAY_MS}
    about = {"category": "harmful-output", "severity": "major", "serious": True, "state": "closed"}
    return {**about, "aware_at": time_ms, "count": 1, "reports": [report]}


_PROVIDER: Final = {"name": "example"}
_MODEL: Final = {
    "name": "large",
    "version": "2",
    "kind": "hosted",
    "publisher": "example",
    "assurance": "provider-returned",
}
_CONFIG: Final = {
    "kind": "guardrail-set",
    "name": "triage guardrails",
    "version": "7",
    "digest": _digest("guardrail set"),
    "guardrails": list(_GUARDRAIL_SET),
}
_SUBPROCESSOR: Final = {
    "name": "example",
    "service": "hosted models",
    "action": "add",
    "effective": START_MS - _DAY_MS,
    "regions": ["eu-west-1"],
    "terms": {"dpa_digest": _digest("agreement"), "retention_days": 0, "training_use": "prohibited"},
    "assurance_docs": [_digest("soc2 report")],
    "gaps": [],
}
_ATTEMPT: Final = {
    "operation": "chat",
    "provider": _PROVIDER,
    "requested_model": "large-2",
    "required_guardrails": _digest("guardrail set"),
}
_INFERENCE: Final = {
    "operation": "chat",
    "provider": _PROVIDER,
    "requested_model": "large-2",
    "response_model": "large-2",
    "model_assurance": "provider-returned",
    "status": "completed",
}
_EXECUTION: Final = {
    "guardian": {"id": "phi-scan", "name": "phi-scan", "version": "3.1", "provider": "example"},
    "policy": {"id": "phi-scan", "version": "7", "digest": _digest("guardrail policy")},
    "target": "llm_input",
    "position": "pre",
    "decision": "allow",
    "findings": [],
}
