"""Results in the shapes that the products document, written for these tests: one of each kind, and how it is mapped."""

import hashlib
from collections.abc import Callable
from typing import Any

from glasslog_issuer import AppliedPolicy, Guardian, GuardrailExecution
from glasslog_issuer.guardrails import (
    Run,
    azure_prompt_shield_execution,
    azure_text_execution,
    bedrock_execution,
    guardrails_ai_execution,
    llama_guard_execution,
    nemo_execution,
    presidio_execution,
)
from tests.verifier.evidence import TIME_MS

RUN: Run = {
    "guardian": Guardian(id="intake-guard", name="Intake guard", version="2.1", provider="vendor"),
    "policy": AppliedPolicy(id="intake", version="7", digest=hashlib.sha256(b"the policy").digest()),
    "target": "llm_input",
    "position": "pre",
    "started": TIME_MS,
    "latency_ms": 3.25,
}


def run_on(target: str) -> Run:
    return {**RUN, "target": target}


BEDROCK: dict[str, Any] = {
    "usage": {
        "topicPolicyUnits": 1,
        "contentPolicyUnits": 1,
        "wordPolicyUnits": 1,
        "sensitiveInformationPolicyUnits": 1,
        "sensitiveInformationPolicyFreeUnits": 1,
        "contextualGroundingPolicyUnits": 0,
    },
    "action": "GUARDRAIL_INTERVENED",
    "actionReason": "Guardrail blocked.",
    "outputs": [{"text": "I cannot help with that, Ms. Doe."}],
    "assessments": [
        {
            "topicPolicy": {"topics": [{"name": "Dosage advice", "type": "DENY", "action": "BLOCKED"}]},
            "contentPolicy": {
                "filters": [
                    {"type": "PROMPT_ATTACK", "confidence": "HIGH", "filterStrength": "HIGH", "action": "BLOCKED"},
                    {"type": "HATE", "confidence": "NONE", "action": "NONE", "detected": False},
                ]
            },
            "wordPolicy": {
                "customWords": [{"match": "Project Heron", "action": "BLOCKED"}],
                "managedWordLists": [{"match": "damn", "type": "PROFANITY", "action": "BLOCKED"}],
            },
            "sensitiveInformationPolicy": {
                "piiEntities": [
                    {"match": "Jane Doe", "type": "NAME", "action": "ANONYMIZED"},
                    {"match": "John Roe", "type": "NAME", "action": "ANONYMIZED"},
                ],
                "regexes": [{"name": "MRN", "match": "MRN-0042", "regex": "MRN-[0-9]+", "action": "ANONYMIZED"}],
            },
            "contextualGroundingPolicy": {
                "filters": [{"type": "GROUNDING", "threshold": 0.7, "score": 0.25, "action": "BLOCKED"}]
            },
            "automatedReasoningPolicy": {"findings": [{"valid": {}}, {"invalid": {"contradictingRules": []}}]},
            "invocationMetrics": {"guardrailProcessingLatency": 310},
        }
    ],
    "guardrailCoverage": {"textCharacters": {"guarded": 120, "total": 128}},
}
NEMO_LOG: dict[str, Any] = {
    "response": [{"role": "assistant", "content": "I'm sorry, I can't respond to that."}],
    "log": {
        "activated_rails": [
            {
                "type": "input",
                "name": "self check input",
                "decisions": ["execute self_check_input", "refuse to respond", "stop"],
                "executed_actions": [{"action_name": "self_check_input", "action_params": {}, "return_value": False}],
                "stop": True,
                "started_at": 1700000000.0,
                "finished_at": 1700000000.56,
                "duration": 0.56,
            },
            {"type": "dialog", "name": "generate user intent", "decisions": [], "stop": False},
        ],
        "stats": {"input_rails_duration": 0.56, "total_duration": 0.57},
    },
}
NEMO_CHECK: dict[str, Any] = {"status": "modified", "content": "My number is <PHONE>", "rail": "mask sensitive data"}
NEMO_SERVICE: dict[str, Any] = {
    "status": "blocked",
    "rails_status": {"self check input": {"status": "blocked"}, "detect jailbreak": {"status": "success"}},
}
GUARDRAILS_AI: dict[str, Any] = {
    "callId": "140012",
    "rawLlmOutput": "You damn well should rest.",
    "validatedOutput": "You **** well should rest.",
    "validationPassed": True,
    "validationSummaries": [
        {
            "validatorName": "ProfanityFree",
            "validatorStatus": "fail",
            "propertyPath": "$",
            "failureReason": "damn is profane",
            "errorSpans": [{"start": 4, "end": 8, "reason": "profane"}],
        }
    ],
}
AZURE_TEXT: dict[str, Any] = {
    "blocklistsMatch": [{"blocklistName": "Drug names", "blocklistItemId": "9511", "blocklistItemText": "oxy"}],
    "categoriesAnalysis": [
        {"category": "Hate", "severity": 0},
        {"category": "SelfHarm", "severity": 4},
        {"category": "Sexual", "severity": 0},
        {"category": "Violence", "severity": 2},
    ],
}
AZURE_SHIELD: dict[str, Any] = {
    "userPromptAnalysis": {"attackDetected": False},
    "documentsAnalysis": [{"attackDetected": True}, {"attackDetected": True}, {"attackDetected": False}],
}
PRESIDIO: list[dict[str, Any]] = [
    {"entity_type": "PERSON", "start": 0, "end": 8, "score": 0.85, "analysis_explanation": None},
    {"entity_type": "US_SSN", "start": 20, "end": 31, "score": 0.5, "recognition_metadata": {"recognizer_name": "x"}},
    {"entity_type": "PERSON", "start": 40, "end": 48, "score": 0.5},
]
LLAMA_GUARD = "\n\nunsafe\nS5,S10"

Mapping = Callable[[Any], GuardrailExecution]

MAPPINGS: dict[str, tuple[Mapping, list[Any]]] = {
    "azure_prompt_shield": (lambda result: azure_prompt_shield_execution(result, **RUN), [AZURE_SHIELD]),
    "azure_text": (lambda result: azure_text_execution(result, deny_at=4, **RUN), [AZURE_TEXT]),
    "bedrock": (lambda result: bedrock_execution(result, **RUN), [BEDROCK]),
    "guardrails_ai": (lambda result: guardrails_ai_execution(result, **RUN), [GUARDRAILS_AI]),
    "llama_guard": (lambda result: llama_guard_execution(result, **RUN), [LLAMA_GUARD]),
    "nemo": (lambda result: nemo_execution(result, **RUN), [NEMO_LOG, NEMO_CHECK, NEMO_SERVICE]),
    "presidio": (lambda result: presidio_execution(result, **RUN), [PRESIDIO]),
}
