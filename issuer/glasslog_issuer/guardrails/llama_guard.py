"""Llama Guard: the text that the model writes, `safe`, or `unsafe` and the codes of the categories.

The codes mean different things in different versions (S5 is specialized advice in version 2, defamation in 3 and 4),
so the taxonomy is an argument. A code that it does not have is an error: the model was asked with other categories.
"""

from collections.abc import Mapping
from typing import Final, Unpack

from glasslog_issuer.bodies import GuardrailExecution
from glasslog_issuer.guardrails import reading
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.run import Run, execution_of
from glasslog_issuer.guardrails.tally import Tally

LLAMA_GUARD_2: Final[Mapping[str, str]] = {
    "S1": "violent_crimes",
    "S2": "non_violent_crimes",
    "S3": "sex_related_crimes",
    "S4": "child_sexual_exploitation",
    "S5": "specialized_advice",
    "S6": "privacy",
    "S7": "intellectual_property",
    "S8": "indiscriminate_weapons",
    "S9": "hate",
    "S10": "suicide_and_self_harm",
    "S11": "sexual_content",
}
LLAMA_GUARD_3: Final[Mapping[str, str]] = {
    "S1": "violent_crimes",
    "S2": "non_violent_crimes",
    "S3": "sex_related_crimes",
    "S4": "child_sexual_exploitation",
    "S5": "defamation",
    "S6": "specialized_advice",
    "S7": "privacy",
    "S8": "intellectual_property",
    "S9": "indiscriminate_weapons",
    "S10": "hate",
    "S11": "suicide_and_self_harm",
    "S12": "sexual_content",
    "S13": "elections",
    "S14": "code_interpreter_abuse",
}
"""The hazards of Llama Guard 3, and of 4, by the codes that the models write."""

_LINES_UNSAFE: Final = 2


def llama_guard_execution(
    result: str, *, taxonomy: Mapping[str, str] = LLAMA_GUARD_3, **run: Unpack[Run]
) -> GuardrailExecution:
    """Map the model's text. Raises GuardrailResultError, also for an `unsafe` without a category."""
    lines = [line.strip() for line in reading.text(result, "result").splitlines() if line.strip()]
    if lines == ["safe"]:
        return execution_of(run, "allow")
    if len(lines) != _LINES_UNSAFE or lines[0] != "unsafe":
        msg = f"result: expected safe, or unsafe and a line of categories, got {len(lines)} other lines"
        raise GuardrailResultError(msg)
    tally = Tally()
    for index, code in enumerate(lines[1].split(",")):
        known = reading.word(code.strip(), f"category {index}", taxonomy)
        tally.add(reading.category(taxonomy[known]))
    return execution_of(run, "deny", tally.findings(), reason_code="unsafe")
