"""NVIDIA NeMo Guardrails: which rails were activated, and whether one stopped the conversation.

Three shapes are understood: what `generate` returns with the option `log: {activated_rails: True}`, what `check`
returns (RailsResult), and what the microservice's checks endpoint answers. The log of a generation has the rails of all
kinds; the execution is about those of one kind, by what they examine. It does not say that a rail rewrote a text: of
the three, RailsResult alone does.
"""

from collections.abc import Mapping
from typing import Final, Unpack

from glasslog_issuer.bodies import GuardrailDecision, GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import Tally

_RAIL_TYPES: Final = {
    "llm_input": "input",
    "llm_output": "output",
    "knowledge_result": "retrieval",
    "tool_call": "tool_output",  # what the model asks of a tool
    "tool_result": "tool_input",  # what goes from the tool into the model
}
_STATUSES: Final[Mapping[str, GuardrailDecision]] = {
    "passed": "allow",
    "success": "allow",
    "modified": "modify",
    "blocked": "deny",
}


def nemo_execution(
    result: Mapping[str, object], *, rail_type: str | None = None, **run: Unpack[Run]
) -> GuardrailExecution:
    """Map a GenerationResponse with a log of activated rails, a RailsResult, or the answer of the checks endpoint.

    `rail_type` says which rails of a log are meant (input, output, retrieval, dialog ...); without it, those that
    examine the target. Where no rail of the kind was activated, the execution says `skipped`. Raises
    GuardrailResultError.
    """
    found = reading.mapping(result, "result")
    if "status" in found:
        return _of_status(found, run)
    return _of_log(found, rail_type or _rail_type(run["target"]), run)


def _of_status(result: Mapping[str, object], run: Run) -> GuardrailExecution:
    decision = _STATUSES[reading.word(result["status"], "status", _STATUSES)]
    tally = Tally()
    if result.get("rail") is not None:
        tally.add(reading.category(reading.text(result["rail"], "rail")))
    for name, rail in reading.mapping(result.get("rails_status") or {}, "rails_status").items():
        where = f"rails_status of {reading.category(name)}"
        status = reading.mapping(rail, where).get("status")
        if _STATUSES[reading.word(status, f"{where}: status", _STATUSES)] != "allow":
            tally.add(reading.category(name))
    if decision == "allow":
        return execution_of(run, decision)
    return execution_of(run, decision, tally.findings(), reason_code="rail_" + decision)


def _of_log(result: Mapping[str, object], rail_type: str, run: Run) -> GuardrailExecution:
    log = reading.mapping(result.get("log"), "log")
    rails = [
        rail
        for index, rail in enumerate(reading.maps(log.get("activated_rails"), "log.activated_rails"))
        if reading.text(rail.get("type"), f"log.activated_rails[{index}].type") == rail_type
    ]
    if not rails:
        return execution_of(run, "skipped", reason_code="no_rail_activated")
    tally = Tally()
    for rail in rails:
        name = reading.text(rail.get("name"), f"the name of an {rail_type} rail")
        if reading.flag(rail.get("stop", False), f"stop of an {rail_type} rail"):
            tally.add(reading.category(name))
    if not tally:
        return execution_of(run, "allow")
    return execution_of(run, "deny", tally.findings(), reason_code="rail_stopped")


def _rail_type(target: str) -> str:
    if target not in _RAIL_TYPES:
        msg = f"target: expected one of {', '.join(sorted(_RAIL_TYPES))}, or the type of the rails that are meant"
        raise GuardrailResultError(msg)
    return _RAIL_TYPES[target]
