"""Guardrail spans and finding events, and the executions that they are: read here, and written here.

Two proposals for OpenTelemetry's conventions are understood, `apply_guardrail` and `run_guardrail`. A span says which
guardrail ran; `gen_ai.security.finding` events say what it met, in a guardrail's span or in that of the model. No
convention has a place for the digest of a policy: `glasslog.policy.digest` (hex) is ours. Without it, the digest is
that of the policy's id and version, which is all that is known of it, and which anybody can compute.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from glasslog import cbor
from glasslog_issuer.bodies import (
    AppliedPolicy,
    Coverage,
    Finding,
    Guardian,
    GuardrailDecision,
    GuardrailExecution,
    Position,
)
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.errors import UnmappableSpanError
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.span import Event, SpanData

OPERATIONS: Final = frozenset({"apply_guardrail", "run_guardrail"})

_DECISIONS: Final[Mapping[str, GuardrailDecision]] = {
    **dict.fromkeys(("allow", "allowed", "pass", "passed", "none"), "allow"),
    **dict.fromkeys(("audit", "log", "monitor"), "audit"),
    **dict.fromkeys(("deny", "denied", "block", "blocked", "reject", "refuse"), "deny"),
    **dict.fromkeys(("modify", "modified", "redact", "mask", "transform"), "modify"),
    **dict.fromkeys(("warn", "warning", "flag", "flagged", "escalate"), "warn"),
    "skipped": "skipped",
    "error-fail-open": "error-fail-open",
    "error-fail-closed": "error-fail-closed",
}
_AFTER: Final = frozenset({"llm_output", "output", "knowledge_result", "memory_retrieve", "tool_result"})
_POSITIONS: Final[Mapping[str, Position]] = {"pre": "pre", "post": "post", "parallel": "parallel"}
_UNKNOWN: Final = "unspecified"
_UNRATED: Final = "unrated"
_DIGEST_HEX: Final = 64
_FINDINGS_MAX: Final = 256


class GuardrailSpan(Protocol):
    """What a guardrail's result is written to: a span of OpenTelemetry's API."""

    def set_attributes(self, attributes: Mapping[str, str | int | float]) -> None:
        """Set attributes."""

    def add_event(self, name: str, attributes: Mapping[str, str | int | float]) -> None:
        """Add an event."""


def set_execution(span: GuardrailSpan, execution: GuardrailExecution) -> None:
    """Write an execution to the span of a guardrail, so that traces show it and a record can be made of it.

    The span's own times are when the guardrail began and how long it took; `started` and `latency_ms` are not written.
    """
    span.set_attributes(attributes_of(execution))
    for finding in execution.findings:
        span.add_event(names.FINDING_EVENT, _finding_attributes(finding))


def attributes_of(execution: GuardrailExecution) -> dict[str, str | int | float]:
    """Return the attributes that say what a guardrail decided."""
    guardian, policy, coverage = execution.guardian, execution.policy, execution.coverage
    attributes: dict[str, str | int | float | None] = {
        names.OPERATION: "apply_guardrail",
        names.GUARDIAN_ID[0]: guardian.id,
        names.GUARDIAN_NAME[0]: guardian.name,
        names.GUARDIAN_VERSION[0]: guardian.version,
        names.GUARDIAN_PROVIDER[0]: guardian.provider,
        names.POLICY_ID: policy.id,
        names.POLICY_VERSION: policy.version,
        names.POLICY_DIGEST: policy.digest.hex(),
        names.TARGET: execution.target,
        names.POSITION: execution.position,
        names.VERDICT[0]: execution.decision,
        names.VERDICT_CODE[0]: execution.reason_code,
        names.COVERAGE_SEEN: coverage.seen if coverage else None,
        names.COVERAGE_TOTAL: coverage.total if coverage else None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def execution_of_span(span: SpanData, fields: Fields) -> GuardrailExecution:
    """Return the execution that a guardrail's span is. Raises UnmappableSpanError where it says no outcome."""
    findings = [Fields(event.attributes) for event in span.events if event.name == names.FINDING_EVENT]
    return _execution(fields, findings, started_ms=span.start_ms, latency_ms=span.latency_ms, failed=span.failed)


def executions_of_findings(events: Iterable[Event]) -> list[GuardrailExecution]:
    """Return the executions that finding events in other spans tell of: one for each guardrail and target.

    Events that name no guardrail and no policy tell of none.
    """
    groups: dict[tuple[str | None, ...], list[Event]] = {}
    for event in events:
        if event.name == names.FINDING_EVENT:
            fields = Fields(event.attributes)
            key = fields.token(*names.GUARDIAN_ID), fields.name(*names.GUARDIAN_NAME), fields.token(names.POLICY_ID)
            if any(key):
                groups.setdefault((*key, fields.token(names.TARGET)), []).append(event)
    return [_of_findings(group) for group in groups.values()]


def _of_findings(events: list[Event]) -> GuardrailExecution:
    fields = [Fields(event.attributes) for event in events]
    started_ms = min(event.time_ns for event in events) // 1_000_000
    return _execution(fields[0], fields, started_ms=started_ms, latency_ms=0.0, failed=False)


def _execution(
    fields: Fields, findings: list[Fields], *, started_ms: int, latency_ms: float, failed: bool
) -> GuardrailExecution:
    target = fields.token(names.TARGET) or _UNKNOWN
    reason = fields.token(*names.VERDICT_CODE) or (fields.token(names.ERROR_TYPE) if failed else None)
    decision = _decision(fields, findings, failed=failed)
    return GuardrailExecution(
        guardian=_guardian(fields),
        policy=_policy(fields),
        target=target,
        position=_POSITIONS.get(fields.token(names.POSITION) or "", "post" if target in _AFTER else "pre"),
        decision=decision,
        started=started_ms,
        latency_ms=latency_ms,
        findings=[_finding(one) for one in findings[:_FINDINGS_MAX]],
        reason_code=reason,
        coverage=_coverage(fields),
    )


def _decision(fields: Fields, findings: list[Fields], *, failed: bool) -> GuardrailDecision:
    """Return the decision. A guardrail that failed is not known to have stopped anything unless it says so.

    Some mark the span of a denial as failed: beside a decision, only an `error.type` tells of a guardrail that broke.
    """
    word, broke = fields.token(*names.VERDICT), names.ERROR_TYPE in fields
    if word is None:
        if failed or broke:
            return "error-fail-open"
        if findings:
            return "audit"
        raise UnmappableSpanError("guardrail_without_decision")
    decision = _DECISIONS.get(word.lower())
    if decision is None:
        raise UnmappableSpanError("guardrail_decision_unknown")
    if broke and not decision.startswith("error"):
        return "error-fail-closed" if decision == "deny" else "error-fail-open"
    return decision


def _guardian(fields: Fields) -> Guardian:
    name, known = fields.name(*names.GUARDIAN_NAME), fields.token(*names.GUARDIAN_ID)
    if name is None and known is None:
        raise UnmappableSpanError("guardrail_without_name")
    return Guardian(
        id=known or _slug(name or ""),
        name=name or known or _UNKNOWN,
        version=fields.name(*names.GUARDIAN_VERSION) or _UNKNOWN,
        provider=fields.name(*names.GUARDIAN_PROVIDER) or _UNKNOWN,
    )


def _policy(fields: Fields) -> AppliedPolicy:
    known = fields.token(names.POLICY_ID) or _slug(fields.name(names.POLICY_NAME) or _UNKNOWN)
    version = fields.name(names.POLICY_VERSION) or _UNKNOWN
    return AppliedPolicy(id=known, version=version, digest=_digest(fields) or reference_digest(known, version))


def reference_digest(policy_id: str, version: str) -> bytes:
    """Return the digest of a policy of which only id and version are known: SHA-256 of the CBOR array of both."""
    return hashlib.sha256(cbor.encode([policy_id, version])).digest()


def _digest(fields: Fields) -> bytes | None:
    written = fields.token(names.POLICY_DIGEST)
    try:
        return bytes.fromhex(written) if written is not None and len(written) == _DIGEST_HEX else None
    except ValueError:
        return None


def _coverage(fields: Fields) -> Coverage | None:
    seen, total = fields.count(names.COVERAGE_SEEN), fields.count(names.COVERAGE_TOTAL)
    return Coverage(seen=seen, total=total) if seen is not None and total is not None and seen <= total else None


def _finding(fields: Fields) -> Finding:
    return Finding(
        category=fields.token(*names.RISK_CATEGORY) or _UNKNOWN,
        severity=fields.token(names.RISK_SEVERITY) or _UNRATED,
        score=fields.number(names.RISK_SCORE),
        count=fields.count(names.RISK_COUNT),
    )


def _finding_attributes(finding: Finding) -> dict[str, str | int | float]:
    attributes = {
        names.RISK_CATEGORY[0]: finding.category,
        names.RISK_SEVERITY: finding.severity,
        names.RISK_SCORE: finding.score,
        names.RISK_COUNT: finding.count,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _slug(name: str) -> str:
    """Return a name as an identifier."""
    return (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")[:64]
        or _UNKNOWN
    )
