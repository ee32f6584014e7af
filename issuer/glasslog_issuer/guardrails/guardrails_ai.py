"""Guardrails AI: the outcome of a guard's validation, with the validators that failed.

Takes the ValidationOutcome as `to_dict()` gives it, with the names of Python or of the HTTP API. A validator that fails
and mends the text (`on_fail` fix, filter, reask) still leads to an outcome that passed: what was let through is then
not what came in, and the decision is `modify`.
"""

from collections.abc import Mapping
from typing import Final, Unpack

from glasslog_issuer.bodies import GuardrailDecision, GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import Tally

_STATUSES: Final = frozenset({"pass", "fail"})


def guardrails_ai_execution(result: Mapping[str, object], **run: Unpack[Run]) -> GuardrailExecution:
    """Map a ValidationOutcome. Raises GuardrailResultError."""
    outcome = reading.mapping(result, "result")
    failed = _failed(outcome)
    error = _field(outcome, "error", "error")
    if error is not None:
        reading.text(error, "error")
        passed_on = _field(outcome, "validated_output", "validatedOutput") is not None
        decision: GuardrailDecision = "error-fail-open" if passed_on else "error-fail-closed"
        return execution_of(run, decision, failed.findings(), reason_code="validation_error")
    passed = reading.flag(_field(outcome, "validation_passed", "validationPassed"), "validation_passed")
    decision = _passed(outcome, failed=bool(failed)) if passed else "deny"
    reason_code = None if decision == "allow" else "validation_failed"
    return execution_of(run, decision, failed.findings(), reason_code=reason_code)


def _passed(outcome: Mapping[str, object], *, failed: bool) -> GuardrailDecision:
    """Return the decision of an outcome that passed: what happened to the text on the way."""
    before = _field(outcome, "raw_llm_output", "rawLlmOutput")
    after = _field(outcome, "validated_output", "validatedOutput")
    if before is not None and after is None:
        return "deny"  # a text went in and none came out
    if isinstance(before, str) and isinstance(after, str):
        return "modify" if before != after else "audit" if failed else "allow"
    return "modify" if failed else "allow"


def _failed(outcome: Mapping[str, object]) -> Tally:
    tally = Tally()
    summaries = _field(outcome, "validation_summaries", "validationSummaries")
    for index, summary in enumerate(reading.maps(summaries or [], "validation_summaries")):
        where = f"validation_summaries[{index}]"
        name = reading.text(_field(summary, "validator_name", "validatorName"), f"{where}.validator_name")
        status = _field(summary, "validator_status", "validatorStatus")
        if reading.word(status, f"{where}.validator_status", _STATUSES) == "fail":
            tally.add(reading.category(name))
    return tally


def _field(found: Mapping[str, object], name: str, alias: str) -> object:
    return found[name] if name in found else found.get(alias)
