"""What every product's result becomes."""

import copy
from typing import Any

import pytest

from glasslog_issuer import Coverage, Finding, GuardrailExecution
from glasslog_issuer.guardrails import (
    LLAMA_GUARD_2,
    GuardrailResultError,
    azure_prompt_shield_execution,
    azure_text_execution,
    bedrock_execution,
    guardrails_ai_execution,
    llama_guard_execution,
    nemo_execution,
    presidio_execution,
)
from tests.issuer.guardrails.products import (
    AZURE_SHIELD,
    AZURE_TEXT,
    BEDROCK,
    GUARDRAILS_AI,
    LLAMA_GUARD,
    NEMO_CHECK,
    NEMO_LOG,
    NEMO_SERVICE,
    PRESIDIO,
    RUN,
    run_on,
)


def found(execution: GuardrailExecution) -> dict[str, tuple[str, int | None, float | None]]:
    return {finding.category: (finding.severity, finding.count, finding.score) for finding in execution.findings}


def test_an_execution_says_who_ran_when_on_what() -> None:
    execution = llama_guard_execution("safe", **RUN)
    assert (execution.guardian, execution.policy) == (RUN["guardian"], RUN["policy"])
    assert (execution.target, execution.position) == ("llm_input", "pre")
    assert (execution.started, execution.latency_ms) == (RUN["started"], 3.25)


# -------------------------------------------------------------------------------------------------------------- bedrock


def test_bedrock_says_what_met_which_policy_and_nothing_that_was_written() -> None:
    execution = bedrock_execution(BEDROCK, **RUN)
    assert (execution.decision, execution.reason_code) == ("deny", "guardrail_intervened")
    assert found(execution) == {
        "topic:dosage-advice": ("unrated", 1, None),
        "prompt_attack": ("high", 1, None),
        "custom_word": ("unrated", 1, None),
        "profanity": ("unrated", 1, None),
        "pii:name": ("unrated", 2, None),
        "regex:mrn": ("unrated", 1, None),
        "grounding": ("unrated", 1, 0.25),
        "reasoning:invalid": ("high", 1, None),
    }
    assert execution.coverage == Coverage(seen=120, total=128)
    assert not any(word in repr(execution) for word in ("Jane", "Heron", "damn", "MRN-0042"))


def test_bedrock_that_only_masks_modifies() -> None:
    pii = {"piiEntities": [{"match": "x@example.com", "type": "EMAIL", "action": "ANONYMIZED"}], "regexes": []}
    result = {**BEDROCK, "assessments": [{"sensitiveInformationPolicy": pii}]}
    assert bedrock_execution(result, **RUN).decision == "modify"


def test_bedrock_that_detects_without_acting_audits() -> None:
    filters = [{"type": "INSULTS", "confidence": "LOW", "action": "NONE", "detected": True}]
    result = {"action": "NONE", "outputs": [], "assessments": [{"contentPolicy": {"filters": filters}}]}
    assert bedrock_execution(result, **RUN).decision == "audit"


def test_bedrock_that_intervenes_without_saying_why_denies() -> None:
    assert bedrock_execution({"action": "GUARDRAIL_INTERVENED", "assessments": []}, **RUN).decision == "deny"


def test_bedrock_that_found_nothing_allows() -> None:
    execution = bedrock_execution({"action": "NONE", "outputs": [], "assessments": [{}]}, **RUN)
    assert (execution.decision, execution.findings, execution.coverage) == ("allow", (), None)


# ----------------------------------------------------------------------------------------------------------------- nemo


def test_a_nemo_rail_that_stops_denies() -> None:
    execution = nemo_execution(NEMO_LOG, **RUN)
    assert (execution.decision, execution.reason_code) == ("deny", "rail_stopped")
    assert found(execution) == {"self-check-input": ("unrated", 1, None)}


def test_nemo_rails_of_another_kind_do_not_count() -> None:
    assert nemo_execution(NEMO_LOG, rail_type="dialog", **RUN).decision == "allow"
    execution = nemo_execution(NEMO_LOG, **run_on("llm_output"))
    assert (execution.decision, execution.reason_code) == ("skipped", "no_rail_activated")


def test_a_nemo_log_that_was_not_asked_for_is_no_allow() -> None:
    with pytest.raises(GuardrailResultError, match="log: expected a map, got nothing"):
        nemo_execution({"response": [], "log": None}, **RUN)


def test_a_target_that_no_nemo_rail_examines_is_refused() -> None:
    with pytest.raises(GuardrailResultError, match="the type of the rails"):
        nemo_execution(NEMO_LOG, **run_on("message"))


def test_nemo_checks_say_whether_a_text_was_rewritten() -> None:
    execution = nemo_execution(NEMO_CHECK, **RUN)
    assert (execution.decision, execution.reason_code) == ("modify", "rail_modify")
    assert found(execution) == {"mask-sensitive-data": ("unrated", 1, None)}
    assert nemo_execution({"status": "passed", "content": "hello", "rail": None}, **RUN).decision == "allow"


def test_the_nemo_service_says_which_rail_blocked() -> None:
    execution = nemo_execution(NEMO_SERVICE, **RUN)
    assert execution.decision == "deny"
    assert found(execution) == {"self-check-input": ("unrated", 1, None)}


# -------------------------------------------------------------------------------------------------------- guardrails ai


@pytest.mark.parametrize(
    "changes, decision",
    [
        ({}, "modify"),
        ({"validatedOutput": GUARDRAILS_AI["rawLlmOutput"]}, "audit"),
        ({"validatedOutput": GUARDRAILS_AI["rawLlmOutput"], "validationSummaries": []}, "allow"),
        ({"validatedOutput": {"advice": "rest"}}, "modify"),
        ({"validatedOutput": {"advice": "rest"}, "validationSummaries": []}, "allow"),
        ({"validatedOutput": None}, "deny"),
        ({"validationPassed": False}, "deny"),
        ({"error": "the validator broke", "validationPassed": None}, "error-fail-open"),
        ({"error": "the validator broke", "validationPassed": None, "validatedOutput": None}, "error-fail-closed"),
    ],
)
def test_a_guardrails_ai_outcome_is_what_became_of_the_text(changes: dict[str, Any], decision: str) -> None:
    execution = guardrails_ai_execution({**GUARDRAILS_AI, **changes}, **RUN)
    assert execution.decision == decision
    assert "damn" not in repr(execution)
    if "validationSummaries" not in changes:
        assert found(execution) == {"profanityfree": ("unrated", 1, None)}


def test_guardrails_ai_may_use_the_names_of_python() -> None:
    result = {
        "raw_llm_output": "rest",
        "validated_output": "rest",
        "validation_passed": True,
        "validation_summaries": [{"validator_name": "ProfanityFree", "validator_status": "pass"}],
        "error": None,
    }
    assert guardrails_ai_execution(result, **RUN).decision == "allow"


# ---------------------------------------------------------------------------------------------------------------- azure


def test_azure_severities_from_the_callers_threshold_on_are_stopped() -> None:
    result = {**AZURE_TEXT, "blocklistsMatch": []}
    execution = azure_text_execution(result, deny_at=4, **RUN)
    assert (execution.decision, execution.reason_code) == ("deny", "severity")
    assert found(execution) == {"selfharm": ("medium", 1, 4.0), "violence": ("low", 1, 2.0)}
    assert azure_text_execution(result, deny_at=5, **RUN).decision == "audit"


def test_an_azure_blocklist_stops_whatever_the_severity() -> None:
    execution = azure_text_execution({**AZURE_TEXT, "categoriesAnalysis": []}, deny_at=7, **RUN)
    assert (execution.decision, execution.reason_code) == ("deny", "blocklist")
    assert found(execution) == {"blocklist:drug-names": ("unrated", 1, None)}


def test_an_azure_text_that_is_safe_is_allowed() -> None:
    assert (
        azure_text_execution({"categoriesAnalysis": [{"category": "Hate", "severity": 0}]}, deny_at=1, **RUN).findings
        == ()
    )


@pytest.mark.parametrize("deny_at", [0, 8])
def test_an_azure_threshold_outside_of_the_scale_is_refused(deny_at: int) -> None:
    with pytest.raises(GuardrailResultError, match="deny_at"):
        azure_text_execution(AZURE_TEXT, deny_at=deny_at, **RUN)


def test_azure_shields_count_attacks() -> None:
    execution = azure_prompt_shield_execution(AZURE_SHIELD, **RUN)
    assert (execution.decision, execution.reason_code) == ("deny", "attack_detected")
    assert execution.findings == (Finding(category="document_attack", severity="unrated", count=2),)
    assert azure_prompt_shield_execution({"userPromptAnalysis": {"attackDetected": False}}, **RUN).decision == "allow"


def test_an_azure_shield_that_analysed_nothing_is_no_allow() -> None:
    with pytest.raises(GuardrailResultError, match="got neither"):
        azure_prompt_shield_execution({"documentsAnalysis": []}, **RUN)


# ------------------------------------------------------------------------------------------- presidio and llama guard


def test_presidio_entities_are_counted_by_kind() -> None:
    execution = presidio_execution(PRESIDIO, **RUN)
    assert (execution.decision, execution.reason_code) == ("modify", "entities_found")
    assert found(execution) == {"person": ("unrated", 2, 0.85), "us_ssn": ("unrated", 1, 0.5)}
    assert presidio_execution(PRESIDIO, found="deny", **RUN).decision == "deny"
    assert presidio_execution([], **RUN).decision == "allow"


def test_llama_guard_codes_are_named_by_their_taxonomy() -> None:
    execution = llama_guard_execution(LLAMA_GUARD, **RUN)
    assert execution.decision == "deny"
    assert set(found(execution)) == {"defamation", "hate"}
    older = llama_guard_execution(LLAMA_GUARD, taxonomy=LLAMA_GUARD_2, **RUN)
    assert set(found(older)) == {"specialized_advice", "suicide_and_self_harm"}


@pytest.mark.parametrize("answer", ["", "safe\nS1", "unsafe", "unsafe\nS15", "I think it is safe", "unsafe\nS1\nS2"])
def test_a_llama_guard_text_of_another_shape_is_no_allow(answer: str) -> None:
    with pytest.raises(GuardrailResultError) as caught:
        llama_guard_execution(answer, **RUN)
    assert "think" not in str(caught.value)


def test_too_many_categories_are_an_error() -> None:
    entities = [{"entity_type": f"KIND_{number}", "start": 0, "end": 1, "score": 1} for number in range(257)]
    with pytest.raises(GuardrailResultError, match="at most 256"):
        presidio_execution(entities, **RUN)


def test_mapping_leaves_the_result_alone() -> None:
    before = copy.deepcopy(BEDROCK)
    bedrock_execution(BEDROCK, **RUN)
    assert before == BEDROCK
