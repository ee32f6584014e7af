"""What the demo's guardrails have in common: a text goes in; a text to go on with, and the evidence, come out.

Each guardrail answers with plain dictionaries in the shape of a product's result, and `glasslog_issuer.guardrails` maps
them: the code is what a service with that product would have. The policy is the document that is really applied, so
that its digest pins down what was enforced.
"""

import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from glasslog_issuer.bodies import AppliedPolicy, Guardian, GuardrailExecution, Position
from glasslog_issuer.guardrails import Run
from glasslog_issuer.registering import RequiredGuardrail

PROVIDER: Final = "glasslog-demo"
POLICY_VERSION: Final = "1"
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Examined:
    """A text after a guardrail, and the evidence that it ran."""

    text: str
    execution: GuardrailExecution

    @property
    def stopped(self) -> bool:
        """Whether the text goes no further."""
        return self.execution.decision == "deny"


class Guardrail(ABC):
    """A check with an identity and a policy."""

    guardian: ClassVar[Guardian]
    target: ClassVar[str]
    position: ClassVar[Position]

    @property
    @abstractmethod
    def document(self) -> Mapping[str, Any]:
        """Return what is enforced, as JSON has it."""

    @abstractmethod
    def check(self, text: str) -> tuple[str, Callable[[Run], GuardrailExecution]]:
        """Examine a text; return the text to go on with, and what maps the result to an execution."""

    @property
    def policy(self) -> AppliedPolicy:
        """Return the policy, by the SHA-256 of its document: JSON with sorted keys and without white space."""
        data = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
        return AppliedPolicy(id=self.guardian.id, version=POLICY_VERSION, digest=hashlib.sha256(data).digest())

    @property
    def required(self) -> RequiredGuardrail:
        """Return it as a member of the set that must run."""
        return RequiredGuardrail(guardian=self.guardian, policy=self.policy, target=self.target, position=self.position)

    def examine(self, text: str) -> Examined:
        """Run the guardrail, and time it."""
        started_ns, ticks_ns = time.time_ns(), time.perf_counter_ns()
        passed_on, execution_of = self.check(text)
        run: Run = {
            "guardian": self.guardian,
            "policy": self.policy,
            "target": self.target,
            "position": self.position,
            "started": started_ns // _NS_PER_MS,
            "latency_ms": round((time.perf_counter_ns() - ticks_ns) / _NS_PER_MS, 3),
        }
        return Examined(passed_on, execution_of(run))
