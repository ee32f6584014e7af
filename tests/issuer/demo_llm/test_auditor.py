"""What somebody finds who reads the log of the demo."""

from glasslog_issuer import ConfigRegistration, GuardrailExecution, SignedRecord
from glasslog_issuer.demo_llm.auditor import Entry, Gap, answers, decisions, gaps, guardrail_decisions
from glasslog_issuer.demo_llm.evidence import shows_content
from glasslog_issuer.demo_llm.injection import InjectionScanner
from glasslog_issuer.demo_llm.phi import PhiRedaction
from glasslog_issuer.demo_llm.questions import Question, questions
from tests.issuer.parties import inference, make_issuer
from tests.verifier.evidence import TIME_MS

ISSUER = make_issuer()
RULES = ConfigRegistration(
    kind="guardrail-set",
    name="desk",
    version="1",
    digest=b"d" * 32,
    guardrails=["injection-scanner", "phi-redaction"],
)


def entry(signed: SignedRecord) -> Entry:
    return Entry(signed.statement, signed.record)


def ran(guardrail: InjectionScanner | PhiRedaction, text: str = "hello") -> GuardrailExecution:
    return guardrail.examine(text).execution


def test_a_guardrail_without_evidence_is_a_gap() -> None:
    rules = ISSUER.sign(RULES)
    entries = [entry(rules)]
    for number, executions in enumerate(
        [[ran(InjectionScanner()), ran(PhiRedaction())], [ran(InjectionScanner())], [ran(InjectionScanner())]]
    ):
        urn = ISSUER.new_decision()
        made = ISSUER.sign(inference(config=rules.id), decision=urn, time=TIME_MS + number)
        entries += [entry(ISSUER.sign(execution, decision=urn)) for execution in executions]
        entries.append(entry(made))
    assert gaps(entries) == [Gap("phi-redaction", 2, TIME_MS + 1, TIME_MS + 2)]
    assert guardrail_decisions(entries) == {"injection-scanner": {"allow": 3}, "phi-redaction": {"allow": 1}}


def test_executions_within_an_inference_count_and_blocked_ones_owe_nothing() -> None:
    rules = ISSUER.sign(RULES)
    within = inference(config=rules.id, guardrails=[ran(InjectionScanner()), ran(PhiRedaction())])
    blocked = inference(config=rules.id, status="blocked")
    entries = [entry(rules), entry(ISSUER.sign(within)), entry(ISSUER.sign(blocked))]
    assert gaps(entries) == []
    assert len(answers(entries)) == 1
    assert decisions(entries) == {"completed": 1, "blocked": 1}


def test_content_in_an_entry_is_seen() -> None:
    asked = [*questions(3), Question("patient-x", "triage-3")]  # the last is in the record, as the model's name
    leaking = entry(ISSUER.sign(inference(), commit={"input": asked[0].text}))
    assert not shows_content(leaking, asked[:3])
    assert shows_content(leaking, asked)
