"""Where a span stands among others: its decision, and what happened within it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glasslog_issuer.bodies import GuardrailExecution


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a span beside itself.

    `executions` are of the guardrails that ran within it; `holds_calls` is whether a model was called within it, None
    where nobody knows; `denied` whether a guardrail within it stopped something.
    """

    decision: str
    subject: str | None = None
    executions: Sequence[GuardrailExecution] = field(default=(), repr=False)
    holds_calls: bool | None = None
    denied: bool = False
