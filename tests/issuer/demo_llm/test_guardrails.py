"""The demo's guardrails, without a model."""

import pytest

from glasslog_issuer.demo_llm.examination import Guardrail
from glasslog_issuer.demo_llm.injection import InjectionScanner
from glasslog_issuer.demo_llm.phi import PhiRedaction
from glasslog_issuer.demo_llm.questions import QUESTIONS_MAX, questions
from tests.issuer.parties import make_issuer


def test_attacks_are_denied_and_questions_are_not() -> None:
    scanner = InjectionScanner()
    stopped = [question.text for question in questions(QUESTIONS_MAX) if scanner.examine(question.text).stopped]
    assert len(stopped) == 4
    assert all(any(word in text for word in ("instructions", "DAN", "guidelines")) for text in stopped)


@pytest.mark.parametrize(
    "said, kept",
    [
        ("call 555-013-4477", "call <PHONE_NUMBER>"),
        ("or +1 555 010 9933", "or <PHONE_NUMBER>"),
        ("I am MRN 00482913.", "I am <MEDICAL_RECORD_NUMBER>."),
        ("mail j.doe@example.org now", "mail <EMAIL_ADDRESS> now"),
        ("born 1951-03-14, SSN 078-05-1120", "born <DATE_OF_BIRTH>, SSN <US_SSN>"),
        ("nothing here, at 10:30 on 5 May", "nothing here, at 10:30 on 5 May"),
    ],
)
def test_identifiers_are_replaced_and_counted(said: str, kept: str) -> None:
    examined = PhiRedaction().examine(said)
    assert examined.text == kept
    assert examined.execution.decision == ("allow" if said == kept else "modify")
    assert len(examined.execution.findings) == kept.count("<")


@pytest.mark.parametrize("guardrail", [InjectionScanner(), PhiRedaction()])
def test_the_evidence_can_be_signed_and_says_what_was_enforced(guardrail: Guardrail) -> None:
    execution = guardrail.examine("hello").execution
    assert make_issuer().sign(execution).record.type == "guardrail-execution"
    assert execution.policy == guardrail.policy == guardrail.required.policy
    assert len(guardrail.policy.digest) == 32


def test_bad_words_in_answers_are_censored() -> None:
    pytest.importorskip("better_profanity")
    from glasslog_issuer.demo_llm.profanity import ProfanityFilter  # noqa: PLC0415  it needs that package

    examined = ProfanityFilter().examine("That is a damn shame.")
    assert (examined.text, examined.execution.decision) == ("That is a **** shame.", "modify")
    assert ProfanityFilter().examine("That is a pity.").execution.decision == "allow"
