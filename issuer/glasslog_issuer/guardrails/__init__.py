"""Turn what guardrail products answer into guardrail executions, the evidence that they ran and what they decided.

    a product's result, in plain dictionaries -> `x_execution(result, **run)` -> a GuardrailExecution to record

One module for each product, none of which is needed here: the functions take what the product's HTTP API answers or its
objects dump to. They are strict. What a mapping does not understand raises GuardrailResultError and is never taken for
an "allow"; what it does understand becomes an execution that the schema accepts. No text that was examined gets into
an execution, only categories, severities, scores and counts. docs/guardrails.md has the tables.

What a product cannot know is said by who ran it (`Run`): the guardian, its policy, what was examined and when.
"""

from glasslog_issuer.guardrails.azure_content_safety import azure_prompt_shield_execution, azure_text_execution
from glasslog_issuer.guardrails.bedrock import bedrock_execution
from glasslog_issuer.guardrails.errors import GuardrailResultError
from glasslog_issuer.guardrails.guardrails_ai import guardrails_ai_execution
from glasslog_issuer.guardrails.llama_guard import LLAMA_GUARD_2, LLAMA_GUARD_3, llama_guard_execution
from glasslog_issuer.guardrails.nemo import nemo_execution
from glasslog_issuer.guardrails.presidio import presidio_execution
from glasslog_issuer.guardrails.run import Run

__all__ = [
    "LLAMA_GUARD_2",
    "LLAMA_GUARD_3",
    "GuardrailResultError",
    "Run",
    "azure_prompt_shield_execution",
    "azure_text_execution",
    "bedrock_execution",
    "guardrails_ai_execution",
    "llama_guard_execution",
    "nemo_execution",
    "presidio_execution",
]
