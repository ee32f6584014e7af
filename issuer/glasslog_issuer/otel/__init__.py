"""Records made of OpenTelemetry spans: a service that is instrumented already is on the log with three lines.

    from glasslog_issuer.otel import install
    recorder = Recorder.open(...)
    install(recorder, automation="in-loop")

Spans that follow the conventions for generative AI become records when they end: calls of models are inferences, tools
and look-ups are steps, guardrails are executions. Messages, arguments, results and documents are committed to and never
written out. What maps to what is in docs/opentelemetry.md.

    installation      add the processor to a provider
    processor         see spans begin and end (`sampler` keeps samplers from hiding them, `log_events` brings messages)
    exporter          the same for pipelines that take exporters only
    span_recorder     a span becomes a record, or is counted as lost
    operations, model_call, step_span, guardrail_span, content, fields, conventions    what a span says
    registry, decisions    what it belongs to

Needs the extra `otel`. Only `decisions`, `sdk_span` and what stands above them import OpenTelemetry.
"""

from glasslog_issuer.errors import MissingPackageError

try:
    from glasslog_issuer.otel.decisions import decision
    from glasslog_issuer.otel.exporter import GlasslogSpanExporter
    from glasslog_issuer.otel.installation import install
    from glasslog_issuer.otel.log_events import GlasslogLogRecordProcessor
    from glasslog_issuer.otel.processor import GlasslogSpanProcessor
    from glasslog_issuer.otel.sampler import EverySpan
except ModuleNotFoundError as error:
    if not str(error.name).startswith("opentelemetry"):
        raise
    msg = f"recording OpenTelemetry spans needs the package {error.name}: install glasslog[issuer,otel]"
    raise MissingPackageError(msg) from error
from glasslog_issuer.otel.counts import Counts
from glasslog_issuer.otel.guardrail_span import set_execution
from glasslog_issuer.otel.registry import RegisteredModel
from glasslog_issuer.otel.span_recorder import Settings

__all__ = [
    "Counts",
    "EverySpan",
    "GlasslogLogRecordProcessor",
    "GlasslogSpanExporter",
    "GlasslogSpanProcessor",
    "RegisteredModel",
    "Settings",
    "decision",
    "install",
    "set_execution",
]
