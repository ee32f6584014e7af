"""Put a service that is instrumented already on the log: add the processor to its tracer provider."""

from typing import Final, Unpack

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from glasslog_issuer.bodies import Automation
from glasslog_issuer.errors import IssuerError
from glasslog_issuer.otel.processor import GlasslogSpanProcessor, Scope
from glasslog_issuer.otel.sampler import EverySpan, may_drop
from glasslog_issuer.otel.span_recorder import LOGGER, Settings
from glasslog_issuer.recording import Recording

_ADVICE: Final = "expected a tracer provider of the OpenTelemetry SDK, got %s: set one up before, or give it"


def install(
    recording: Recording,
    *,
    automation: Automation,
    provider: TracerProvider | None = None,
    scope: Scope = "trace",
    **settings: Unpack[Settings],
) -> GlasslogSpanProcessor:
    """Record all spans of generative AI of a provider, the global one by default; return the processor, for its counts.

    A sampler that may drop spans is wrapped in `EverySpan`: what is exported stays the same, and spans of tracers that
    exist already are only seen in full if the provider was made with such a sampler; that is logged. Raises IssuerError
    when there is no provider of the SDK.
    """
    found = trace.get_tracer_provider() if provider is None else provider
    if not isinstance(found, TracerProvider):
        raise IssuerError(_ADVICE % type(found).__name__)
    if may_drop(found.sampler):
        LOGGER.warning(
            "%s may drop spans: tracers made from now on record all of them", found.sampler.get_description()
        )
        found.sampler = EverySpan(found.sampler)
    processor = GlasslogSpanProcessor(recording, automation=automation, scope=scope, **settings)
    found.add_span_processor(processor)
    return processor
