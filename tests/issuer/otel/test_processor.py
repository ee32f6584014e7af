"""Decisions, sampling, and that nothing is raised into the service nor lost without a number."""

import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from glasslog_issuer import SignedRecord
from glasslog_issuer.errors import IssuerError, StreamError
from glasslog_issuer.otel import EverySpan, GlasslogSpanExporter, GlasslogSpanProcessor, decision, install
from glasslog_issuer.otel.decisions import decision_of_trace
from glasslog_issuer.otel.sampler import may_drop
from glasslog_issuer.recording import DirectRecording
from tests.issuer.otel.tracing import CHAT, GUARDRAIL, SECRET, Service, body, ids_of
from tests.issuer.parties import make_issuer

URN = "urn:uuid:0e54cd21-6c7e-4d0c-8a6c-7c27a8a6d1f4"

# ----------------------------------------------------------------------------------------------------------- decisions


def test_a_trace_is_a_decision_and_another_trace_another() -> None:
    service = Service()
    with service.tracer.start_as_current_span("request") as span:
        service.span(CHAT)
        with service.tracer.start_as_current_span("inner"):
            service.span(CHAT)
        trace_id, _ = ids_of(span)
    service.span(CHAT)
    first, second, third = service.of("inference")
    assert first.decision == second.decision == decision_of_trace(trace_id)
    assert third.decision != first.decision


def test_an_operation_may_be_a_decision() -> None:
    service = Service(scope="operation")
    agent = {"gen_ai.operation.name": "invoke_agent"}
    with service.tracer.start_as_current_span("a batch job"):
        for _ in range(2):
            with service.tracer.start_as_current_span("agent", attributes=agent):
                service.span(GUARDRAIL)
                service.span(CHAT)
    first, second = service.of("inference")
    assert first.decision != second.decision
    assert [one.decision for one in service.of("guardrail-execution")] == [first.decision, second.decision]


def test_a_program_says_where_a_decision_is_and_whose_data_it_is() -> None:
    service = Service()
    with decision(subject="patient-81") as urn:
        service.span(CHAT)
        with service.tracer.start_as_current_span("inner"):
            service.span(GUARDRAIL)
    service.span(CHAT)
    assert [one.decision for one in service.records[2:4]] == [urn, urn]
    assert service.subjects == [None, None, "patient-81", "patient-81", None]
    assert all(b"patient-81" not in one.statement.entry for one in service.records)
    assert service.records[-1].decision != urn


def test_an_attribute_or_baggage_says_the_decision_across_processes() -> None:
    service = Service()
    service.span({**CHAT, "glasslog.decision": URN})
    token = context.attach(baggage.set_baggage("glasslog.decision", URN))
    service.span(CHAT)
    context.detach(token)
    assert {one.decision for one in service.of("inference")} == {URN}


def test_the_attribute_of_a_span_around_counts() -> None:
    service = Service()
    with service.tracer.start_as_current_span("request") as span:
        span.set_attribute("glasslog.decision", URN)
        service.span(CHAT)
    assert service.one("inference").decision == URN


@pytest.mark.parametrize("odd", ["no uri", "", "x" * 600, 7, "urn:ü:1"])
def test_what_is_no_urn_is_no_decision(odd: str | int) -> None:
    service = Service()
    service.span({**CHAT, "glasslog.decision": odd})
    assert service.one("inference").decision.startswith("urn:uuid:")
    with pytest.raises(ValueError, match="expected the URN"), decision(str(odd)):
        pass


# ------------------------------------------------------------------------------------------------------------ sampling


def remote(*, sampled: bool) -> context.Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return trace.set_span_in_context(NonRecordingSpan(SpanContext(7, 8, is_remote=True, trace_flags=flags)))


def test_what_a_sampler_drops_leaves_no_record() -> None:
    service = Service(sampler=ALWAYS_OFF)
    service.span(CHAT)
    assert service.records == []


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased(0.5), ParentBased(ALWAYS_OFF)])
def test_with_every_span_all_are_recorded_and_the_sampler_says_what_is_exported(sampler: Sampler) -> None:
    service, exported = Service(sampler=EverySpan(sampler)), InMemorySpanExporter()
    service.provider.add_span_processor(SimpleSpanProcessor(exported))
    for around in (None, remote(sampled=False), remote(sampled=True)):
        for number in range(4):
            with service.tracer.start_as_current_span(f"{number}", context=around, attributes=CHAT):
                pass
    assert len(service.of("inference")) == 12
    for span in exported.get_finished_spans():
        assert span.context is not None
        assert span.context.trace_flags.sampled
    if sampler is ALWAYS_OFF:
        assert exported.get_finished_spans() == ()
    if sampler is ALWAYS_ON:
        assert len(exported.get_finished_spans()) == 12


def test_which_samplers_may_drop() -> None:
    assert not may_drop(ALWAYS_ON)
    assert not may_drop(EverySpan(ALWAYS_OFF))
    assert all(map(may_drop, (ALWAYS_OFF, TraceIdRatioBased(1), ParentBased(ALWAYS_ON))))
    assert EverySpan(ALWAYS_OFF).get_description() == "EverySpan{AlwaysOffSampler}"


def test_an_exporter_sees_sampled_spans_alone() -> None:
    records: list[SignedRecord] = []
    exporter = GlasslogSpanExporter(
        DirectRecording(make_issuer(), lambda signed, _: records.append(signed)), automation="full"
    )
    for sampler in (ALWAYS_ON, EverySpan(ALWAYS_OFF)):
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("desk")
        with (
            tracer.start_as_current_span("chat", attributes=CHAT),
            tracer.start_as_current_span("guardrail", attributes=GUARDRAIL),
        ):
            pass
    made = [one for one in records if "registration" not in one.record.type]
    assert [one.record.type for one in made] == ["guardrail-execution", "inference"]
    assert len({one.decision for one in made}) == 1
    assert exporter.counts().spans == 2


def test_an_exporter_says_when_something_is_lost() -> None:
    exporter = GlasslogSpanExporter(DirectRecording(make_issuer()), automation="full")
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    spans = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with provider.get_tracer("desk").start_as_current_span("odd", attributes={"gen_ai.input.messages": SECRET}):
        pass
    assert exporter.export(spans.get_finished_spans()) is SpanExportResult.FAILURE
    assert exporter.counts().lost == {"no_operation": 1}
    exporter.shutdown()


# ---------------------------------------------------------------------------------------------------------- robustness

VALUES = (
    st.text(max_size=8)
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.booleans()
    | st.lists(st.text(max_size=4), max_size=3)
    | st.binary(max_size=4)
)
KEYS = st.sampled_from(
    [
        *CHAT,
        *GUARDRAIL,
        "gen_ai.system",
        "gen_ai.prompt",
        "gen_ai.prompt.0.role",
        "gen_ai.tool.name",
        "error.type",
        "gen_ai.request.seed",
        "gen_ai.unheard.of",
        "glasslog.decision",
        "glasslog.policy.digest",
        "server.port",
        "other",
    ]
)
OPERATIONS = st.sampled_from(
    ["chat", "embeddings", "execute_tool", "retrieval", "invoke_agent", "apply_guardrail", "run_guardrail", "dance", ""]
)


@given(
    spans=st.lists(
        st.tuples(
            st.dictionaries(KEYS, VALUES, max_size=6) | st.just({}),
            OPERATIONS,
            st.sampled_from(list(SpanKind)),
            st.sampled_from(["gen_ai.security.finding", "gen_ai.choice", "exception", "other"]),
            st.booleans(),
        ),
        max_size=4,
    )
)
@settings(deadline=None)
def test_any_span_is_recorded_or_counted_and_nothing_is_raised(spans: list[Any]) -> None:
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    service = Service()

    def nest(rest: list[Any]) -> None:
        if not rest:
            return
        attributes, operation, kind, event, fails = rest[0]
        with service.tracer.start_as_current_span("a span", kind=kind) as span:
            span.set_attributes(attributes)
            span.set_attribute("gen_ai.operation.name", operation)
            span.add_event(event, attributes)
            nest(rest[1:])
            if fails:
                span.set_status(trace.StatusCode.ERROR, SECRET)

    nest(spans)
    counts = service.processor.counts()
    made = sum(number for name, number in counts.records.items() if "registration" not in name)
    assert counts.spans == len(spans)
    assert counts.spans == made + counts.attached + counts.containers + sum(counts.lost.values())
    assert set(counts.lost) <= {
        "no_operation",
        "guardrail_without_decision",
        "guardrail_decision_unknown",
        "guardrail_without_name",
    }
    assert len(service.records) == sum(counts.records.values())


class _Broken:
    """A recording that cannot keep anything."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def record(self, *_: object, **__: object) -> SignedRecord:
        raise self.error


@pytest.mark.parametrize(
    "error, reason", [(StreamError("the disk is full"), "stream"), (RuntimeError(SECRET), "RuntimeError")]
)
def test_a_recording_that_fails_is_counted_and_the_service_goes_on(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def on_lost(_span: object, why: str) -> None:
        told.append(why)
        raise ValueError(why)

    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    processor = GlasslogSpanProcessor(_Broken(error), automation="full", on_lost=on_lost)
    provider.add_span_processor(processor)
    with provider.get_tracer("desk").start_as_current_span("chat", attributes=CHAT):
        pass
    assert (processor.counts().lost, told) == ({reason: 1}, [reason])
    assert "on_lost raised ValueError" in caplog.text
    assert "Doe" not in caplog.text


def test_a_registration_that_failed_is_tried_again() -> None:
    kept: list[SignedRecord] = []
    fails = [True, False]

    def keep(signed: SignedRecord, _subject: str | None) -> None:
        if fails and fails.pop(0):
            raise StreamError("not now")
        kept.append(signed)

    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    processor = GlasslogSpanProcessor(DirectRecording(make_issuer(), keep), automation="full")
    provider.add_span_processor(processor)
    for _ in range(2):
        with provider.get_tracer("desk").start_as_current_span("chat", attributes=CHAT):
            pass
    assert [one.record.type for one in kept] == ["model-registration", "config-registration", "inference"]
    assert [one.record.stream.seq for one in kept] == [0, 1, 2]


def test_spans_of_many_threads_become_one_stream() -> None:
    service = Service()

    def work() -> None:
        for _ in range(20):
            with service.tracer.start_as_current_span("chat", attributes=CHAT):
                service.span(GUARDRAIL)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inferences = service.of("inference")
    assert len(inferences) == 160
    assert all(len(body(one)["guardrails"]) == 1 for one in inferences)
    assert [one.record.stream.seq for one in service.records] == list(range(162))
    assert len(service.of("model-registration")) == 1


def test_what_the_sdk_cut_off_is_counted() -> None:
    provider = TracerProvider(sampler=ALWAYS_ON, span_limits=SpanLimits(max_span_attributes=3), shutdown_on_exit=False)
    processor = GlasslogSpanProcessor(DirectRecording(make_issuer()), automation="full")
    provider.add_span_processor(processor)
    with provider.get_tracer("desk").start_as_current_span("chat", attributes=CHAT) as span:
        span.set_attribute("gen_ai.operation.name", "chat")
    assert processor.counts().incomplete == 1


def test_a_guardrail_whose_call_never_ends_is_recorded_at_the_end() -> None:
    service = Service()
    around = service.tracer.start_span("chat", attributes=CHAT)
    with trace.use_span(around):
        service.span(GUARDRAIL)
    assert service.records == []
    service.processor.shutdown()
    assert service.one("guardrail-execution").decision == decision_of_trace(ids_of(around)[0])


def test_other_spans_are_none_of_ours() -> None:
    service = Service()
    service.span({"http.request.method": "POST", "db.system": "sqlite"})
    assert (service.records, service.processor.counts().spans) == ([], 0)


def test_flushing_is_the_recordings_affair() -> None:
    class Slow(DirectRecording):
        asked: float = 0.0

        def flush(self, timeout_s: float) -> bool:
            self.asked = timeout_s
            return False

    recording = Slow(make_issuer())
    processor = GlasslogSpanProcessor(recording, automation="full")
    assert not processor.force_flush(1_500)
    assert recording.asked == 1.5
    assert GlasslogSpanProcessor(DirectRecording(make_issuer()), automation="full").force_flush()


# --------------------------------------------------------------------------------------------------------- installation


def test_installing_adds_the_processor_and_keeps_the_sampler_from_dropping(caplog: pytest.LogCaptureFixture) -> None:
    records: list[SignedRecord] = []
    provider = TracerProvider(sampler=TraceIdRatioBased(0), shutdown_on_exit=False)
    recording = DirectRecording(make_issuer(), lambda signed, _: records.append(signed))
    processor = install(recording, automation="in-loop", provider=provider)
    assert "may drop spans" in caplog.text
    with provider.get_tracer("desk").start_as_current_span("chat", attributes=CHAT):
        pass
    assert [one.record.type for one in records][-1] == "inference"
    assert processor.counts().records["inference"] == 1


def test_installing_needs_a_provider_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    with pytest.raises(IssuerError, match="got NoOpTracerProvider"):
        install(DirectRecording(make_issuer()), automation="full")


def _run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


def test_without_opentelemetry_the_error_names_the_extra() -> None:
    done = _run("import sys; sys.modules['opentelemetry'] = None; import glasslog_issuer.otel")
    assert "MissingPackageError" in done.stderr
    assert "install glasslog[issuer,otel]" in done.stderr


def test_the_issuer_does_not_load_opentelemetry() -> None:
    loaded = _run("import sys, glasslog_issuer, glasslog_issuer.guardrails; print('opentelemetry' in sys.modules)")
    assert loaded.stdout == "False\n"


def test_nothing_of_a_decisions_block_stays_behind_it() -> None:
    with decision(URN):
        pass
    service = Service()
    service.span(CHAT)
    assert service.one("inference").decision != URN
