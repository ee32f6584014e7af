"""Guardrails that really run around the model, each leaving evidence of every execution.

`execution` says what a guardrail is and runs it. Before the model: `identifiers` (who is it about, in free text),
`ranges` (is each number possible) and `distribution` (do they go together). After it: `abstention` (is it sure enough).
"""
