"""Azure AI Content Safety: the answers of text:analyze and of text:shieldPrompt (Prompt Shields).

Neither decides anything: the one rates how harmful a text is, the other says whether it attacks. From which severity on
the caller stops a text is the caller's policy, so it must be given.
"""

from collections.abc import Mapping
from typing import Final, Unpack

from glasslog_issuer.bodies import GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import Tally

SEVERITY_MAX: Final = 7
_SEVERITIES: Final = ("safe", "safe", "low", "low", "medium", "medium", "high", "high")  # by the service's own table


def azure_text_execution(result: Mapping[str, object], *, deny_at: int, **run: Unpack[Run]) -> GuardrailExecution:
    """Map an answer of text:analyze; a severity of `deny_at` (1 to 7) or more was stopped, and every blocklist match.

    Raises GuardrailResultError.
    """
    if not 1 <= deny_at <= SEVERITY_MAX:
        msg = f"deny_at: expected a severity of 1 to {SEVERITY_MAX}, got {deny_at}"
        raise GuardrailResultError(msg)
    answer = reading.mapping(result, "result")
    tally, highest = Tally(), 0
    for index, analysis in enumerate(reading.maps(answer.get("categoriesAnalysis"), "categoriesAnalysis")):
        where = f"categoriesAnalysis[{index}]"
        severity = _severity(analysis, where)
        highest = max(highest, severity)
        if severity:
            name = reading.text(analysis.get("category"), f"{where}.category")
            tally.add(reading.category(name), _SEVERITIES[severity], score=float(severity))
    listed = reading.maps(answer.get("blocklistsMatch") or [], "blocklistsMatch")
    for index, match in enumerate(listed):
        name = reading.text(match.get("blocklistName"), f"blocklistsMatch[{index}].blocklistName")
        tally.add(reading.category("blocklist:" + name))
    if listed or highest >= deny_at:
        reason_code = "blocklist" if listed else "severity"
        return execution_of(run, "deny", tally.findings(), reason_code=reason_code)
    return execution_of(run, "audit" if tally else "allow", tally.findings())


def azure_prompt_shield_execution(result: Mapping[str, object], **run: Unpack[Run]) -> GuardrailExecution:
    """Map an answer of text:shieldPrompt: any attack was stopped. Raises GuardrailResultError."""
    answer = reading.mapping(result, "result")
    analyses = [("user_prompt_attack", answer["userPromptAnalysis"])] if answer.get("userPromptAnalysis") else []
    documents = reading.maps(answer.get("documentsAnalysis") or [], "documentsAnalysis")
    analyses += [("document_attack", document) for document in documents]
    if not analyses:
        raise GuardrailResultError("result: expected userPromptAnalysis or documentsAnalysis, got neither")
    tally = Tally()
    for category, analysis in analyses:
        if reading.flag(reading.mapping(analysis, category).get("attackDetected"), f"{category}: attackDetected"):
            tally.add(category)
    if not tally:
        return execution_of(run, "allow")
    return execution_of(run, "deny", tally.findings(), reason_code="attack_detected")


def _severity(analysis: Mapping[str, object], where: str) -> int:
    severity = reading.count(analysis.get("severity"), f"{where}.severity")
    if severity > SEVERITY_MAX:
        msg = f"{where}.severity: expected 0 to {SEVERITY_MAX}, got {severity}"
        raise GuardrailResultError(msg)
    return severity
