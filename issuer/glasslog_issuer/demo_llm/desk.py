"""The assistant at the desk, as a service that is instrumented with OpenTelemetry. It knows nothing of any log.

    agent span -> guardrails on the question -> the model, through OpenAI's client -> guardrails on the answer

The client is instrumented by a package that knows nothing of the log either. Guardrails write what they decided to
spans of their own, as any backend for traces would show them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openai import OpenAI
from opentelemetry.trace import Tracer

from glasslog_issuer.demo_llm.examination import Examined, Guardrail
from glasslog_issuer.otel import set_execution

INSTRUCTIONS: Final = (
    "You are the assistant at the desk of a clinic. Answer in one or two short sentences. Give no diagnosis."
)
REFUSAL: Final = "I cannot help with that. Please speak to our staff."
TOKENS_MAX: Final = 48


@dataclass(frozen=True, slots=True)
class Reply:
    """What the patient gets to read, and whether the model was asked at all."""

    text: str
    model_was_asked: bool


class Desk:
    """The assistant. `switched_off` names guardrails that do not run: somebody has a reason, sometimes."""

    def __init__(
        self,
        client: OpenAI,
        model: str,
        tracer: Tracer,
        *,
        before: Sequence[Guardrail],
        after: Sequence[Guardrail],
    ) -> None:
        """Take the client and the model's name, the tracer, and the guardrails on questions and on answers."""
        self._client = client
        self._model = model
        self._tracer = tracer
        self._before = before
        self._after = after
        self.switched_off: set[str] = set()

    def answer(self, question: str) -> Reply:
        """Answer one question."""
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "clinic-desk",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": self._model,
            "gen_ai.input.messages": question,
        }
        with self._tracer.start_as_current_span("invoke_agent clinic-desk", attributes=attributes):
            asked = self._examine(self._before, question)
            if asked is None:
                return Reply(REFUSAL, model_was_asked=False)
            said = self._examine(self._after, self._ask(asked))
            return Reply(REFUSAL if said is None else said, model_was_asked=True)

    def _ask(self, question: str) -> str:
        completion = self._client.chat.completions.create(
            model=self._model,
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}],
            temperature=0,
            max_tokens=TOKENS_MAX,
        )
        return completion.choices[0].message.content or ""

    def _examine(self, guardrails: Sequence[Guardrail], text: str) -> str | None:
        """Run guardrails one after the other; return the text to go on with, None when one has stopped it."""
        for guardrail in guardrails:
            if guardrail.guardian.id in self.switched_off:
                continue
            examined = self._run(guardrail, text)
            if examined.stopped:
                return None
            text = examined.text
        return text

    def _run(self, guardrail: Guardrail, text: str) -> Examined:
        with self._tracer.start_as_current_span(f"apply_guardrail {guardrail.guardian.name}") as span:
            examined = guardrail.examine(text)
            set_execution(span, examined.execution)
        return examined
