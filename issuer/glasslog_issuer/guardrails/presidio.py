"""Microsoft Presidio: what the analyzer recognized, by kind of entity.

The analyzer finds and does not act. What the caller did with a text in which something was found is said by the caller:
usually `modify`, when the anonymizer replaced it.
"""

from collections.abc import Mapping, Sequence
from typing import Unpack

from glasslog_issuer.bodies import GuardrailDecision, GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import Tally


def presidio_execution(
    result: Sequence[Mapping[str, object]], *, found: GuardrailDecision = "modify", **run: Unpack[Run]
) -> GuardrailExecution:
    """Map the analyzer's list of results, as its HTTP API answers or `to_dict()` gives it.

    `found` is the decision on a text in which there was any. Raises GuardrailResultError.
    """
    tally = Tally()
    for index, entity in enumerate(reading.maps(result, "result")):
        where = f"result[{index}]"
        start = reading.count(entity.get("start"), f"{where}.start")
        if reading.count(entity.get("end"), f"{where}.end") < start:
            msg = f"{where}: expected an end that is not before the start"
            raise GuardrailResultError(msg)
        name = reading.text(entity.get("entity_type"), f"{where}.entity_type")
        tally.add(reading.category(name), score=reading.number(entity.get("score"), f"{where}.score"))
    if not tally:
        return execution_of(run, "allow")
    return execution_of(run, found, tally.findings(), reason_code="entities_found")
