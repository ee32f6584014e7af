"""Amazon Bedrock Guardrails: the answer of ApplyGuardrail, with the assessment by each policy.

The service says in `action` whether it intervened, and in the assessments what met which policy. Words and values that
were matched stand in the answer too (`match`, `outputs`): they are content, and are read past.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Unpack

from glasslog_issuer.bodies import Coverage, GuardrailDecision, GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import UNRATED, Tally

_ACTIONS: Final = frozenset({"NONE", "GUARDRAIL_INTERVENED"})
_POLICY_ACTIONS: Final = frozenset({"BLOCKED", "ANONYMIZED", "NONE"})
_CONFIDENCES: Final = frozenset({"NONE", "LOW", "MEDIUM", "HIGH"})
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "topicPolicy": ("topics",),
    "contentPolicy": ("filters",),
    "wordPolicy": ("customWords", "managedWordLists"),
    "sensitiveInformationPolicy": ("piiEntities", "regexes"),
    "contextualGroundingPolicy": ("filters",),
}
_REASONING: Final[Mapping[str, str]] = {
    "valid": "low",
    "satisfiable": "medium",
    "invalid": "high",
    "impossible": "high",
    "translationAmbiguous": UNRATED,
    "tooComplex": UNRATED,
    "noTranslations": UNRATED,
}


def bedrock_execution(result: Mapping[str, object], **run: Unpack[Run]) -> GuardrailExecution:
    """Map an ApplyGuardrail response. Raises GuardrailResultError."""
    answer = reading.mapping(result, "result")
    intervened = reading.word(answer.get("action"), "action", _ACTIONS) == "GUARDRAIL_INTERVENED"
    tally, actions = Tally(), set[str]()
    for index, assessment in enumerate(reading.maps(answer.get("assessments"), "assessments")):
        where = f"assessments[{index}]"
        for policy, lists in _LISTS.items():
            for path, entry in _entries(assessment, policy, lists, where):
                _take(tally, actions, policy, entry, path)
        _reasoning(tally, assessment, where)
    decision = _decision(actions, intervened=intervened, met=bool(tally))
    reason_code = "guardrail_intervened" if intervened else None
    return execution_of(run, decision, tally.findings(), reason_code=reason_code, coverage=_coverage(answer))


def _decision(actions: set[str], *, intervened: bool, met: bool) -> GuardrailDecision:
    if intervened:  # where nothing says that it was masked, it was stopped
        return "modify" if "ANONYMIZED" in actions and "BLOCKED" not in actions else "deny"
    return "audit" if met else "allow"


def _entries(
    assessment: Mapping[str, object], policy: str, lists: tuple[str, ...], where: str
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield what an assessment says by one policy, each with its list's name as the last part of its place."""
    found = assessment.get(policy)
    if found is None:
        return
    for name in lists:
        place = f"{where}.{policy}.{name}"
        for entry in reading.maps(reading.mapping(found, f"{where}.{policy}").get(name) or [], place):
            yield place, entry


def _take(tally: Tally, actions: set[str], policy: str, entry: Mapping[str, object], where: str) -> None:
    """Count an entry, unless the service says that it only looked (`detected` false, with the full output scope)."""
    action = reading.word(entry.get("action"), f"{where}: action", _POLICY_ACTIONS)
    detected = reading.flag(entry.get("detected", True), f"{where}: detected")
    if not detected and action == "NONE":
        return
    actions.add(action)
    score = reading.number(entry["score"], f"{where}: score") if "score" in entry else None
    tally.add(_category(policy, entry, where), _severity(entry, where), score=score)


def _category(policy: str, entry: Mapping[str, object], where: str) -> str:
    """Return the kind of what was met: the service's words, or the names that the guardrail's owner gave."""
    match policy, where.rpartition(".")[2]:
        case "topicPolicy", _:
            return reading.category("topic:" + reading.text(entry.get("name"), f"{where}: name"))
        case "wordPolicy", "customWords":
            return "custom_word"
        case _, "regexes":
            return reading.category("regex:" + reading.text(entry.get("name", "unnamed"), f"{where}: name"))
        case "sensitiveInformationPolicy", _:
            return reading.category("pii:" + reading.text(entry.get("type"), f"{where}: type"))
        case _:
            return reading.category(reading.text(entry.get("type"), f"{where}: type"))


def _severity(entry: Mapping[str, object], where: str) -> str:
    if "confidence" not in entry:
        return UNRATED
    return reading.word(entry["confidence"], f"{where}: confidence", _CONFIDENCES).lower()


def _reasoning(tally: Tally, assessment: Mapping[str, object], where: str) -> None:
    """Count the findings of automated reasoning; each is a map with one key, its kind."""
    policy = assessment.get("automatedReasoningPolicy")
    if policy is None:
        return
    place = f"{where}.automatedReasoningPolicy"
    for finding in reading.maps(reading.mapping(policy, place).get("findings") or [], f"{place}.findings"):
        if len(finding) != 1:
            msg = f"{place}.findings: expected maps with one key, got one with {len(finding)}"
            raise GuardrailResultError(msg)
        kind = reading.word(next(iter(finding)), f"{place}.findings", _REASONING)
        if kind != "valid":
            tally.add(reading.category("reasoning:" + kind), _REASONING[kind])


def _coverage(answer: Mapping[str, object]) -> Coverage | None:
    """Return how many characters of the text were examined, where the service says so."""
    where = "guardrailCoverage.textCharacters"
    characters = reading.mapping(answer.get("guardrailCoverage") or {}, "guardrailCoverage").get("textCharacters")
    if characters is None:
        return None
    found = reading.mapping(characters, where)
    seen, total = reading.count(found.get("guarded"), f"{where}.guarded"), reading.count(found.get("total"), where)
    if seen > total:
        msg = f"{where}: expected no more characters guarded than there are"
        raise GuardrailResultError(msg)
    return Coverage(seen=seen, total=total)
