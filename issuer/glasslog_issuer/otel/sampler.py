"""A sampler that drops nothing: what another sampler would drop is recorded, and still not exported.

A span that a sampler drops is never seen by any processor: the call happens, the record does not. Sampling is for
telemetry bills, not for evidence. With `EverySpan` around the sampler, processors see every span, and exporters see
exactly those that the sampler chose.
"""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, StaticSampler
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes


class EverySpan(Sampler):
    """Sample as another sampler does, and record everything."""

    def __init__(self, sampler: Sampler) -> None:
        """Take the sampler that decides what is exported."""
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the other sampler's decision, with "drop" as "record, but do not sample"."""
        result = self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Return the name, with that of the other sampler."""
        return f"EverySpan{{{self._sampler.get_description()}}}"


def may_drop(sampler: Sampler) -> bool:
    """Whether a sampler may keep spans from processors. One of another make may, for all that is known."""
    if isinstance(sampler, EverySpan):
        return False
    probe = sampler
    if isinstance(probe, ParentBased):
        return True  # a caller's "not sampled" is followed
    return not isinstance(probe, StaticSampler) or "On" not in probe.get_description()
