"""The demo from beginning to end.

model, vendor    start the model and a log; register system, model and guardrails; put the assistant on the log
desk             answer questions; for a while, one guardrail is switched off
auditor          read the log back: the model's calls, the guardrails, and the one that is missing
replay           ask some questions again, and compare commitments
customer         run `glasslog audit`; take the evidence home; stop the log; verify all of it offline
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from glasslog.vkey import decode_vkey
from glasslog_issuer.demo_llm import auditor, evidence
from glasslog_issuer.demo_llm.auditor import Entry
from glasslog_issuer.demo_llm.desk import Desk
from glasslog_issuer.demo_llm.injection import InjectionScanner
from glasslog_issuer.demo_llm.model import MODEL_NAME, ModelFile, find_model, model_server
from glasslog_issuer.demo_llm.phi import PhiRedaction
from glasslog_issuer.demo_llm.profanity import ProfanityFilter
from glasslog_issuer.demo_llm.questions import Question, questions
from glasslog_issuer.demo_llm.replay import record_replay, replay
from glasslog_issuer.demo_llm.summary import DeskSummary
from glasslog_issuer.demo_llm.vendor import MAX_LATENESS_S, Vendor, vendor
from glasslog_issuer.otel import EverySpan, decision
from glasslog_issuer.registering import file_digest
from glasslog_issuer.stage.customer import Customer
from glasslog_issuer.stage.development_log import DevelopmentLog, development_log
from glasslog_issuer.stage.errors import DemoError
from glasslog_issuer.stage.folders import new_folder
from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.stage import Stage

SAMPLED: Final = 0.25  # of the traces that a telemetry backend gets to see
REPLAYED: Final = 4
_OFF_FROM, _OFF_TO = 0.4, 0.6  # the part of the day in which a guardrail is switched off
_SWITCHED_OFF: Final = PhiRedaction.guardian.id
_FLUSH_TIMEOUT_S: Final = 60.0
_API_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Service:
    """The assistant with its tracing, and what a telemetry backend would have got."""

    desk: Desk
    client: OpenAI
    provider: TracerProvider
    exported: InMemorySpanExporter


class Demonstration:
    """One run, in a folder that is empty at first."""

    def __init__(self, folder: Path, count: int, narration: Narration) -> None:
        """Take the folder, how many questions are asked, and where to tell of it."""
        self._folder = folder
        self._questions = questions(count)
        self._off = range(round(count * _OFF_FROM), round(count * _OFF_TO))
        self.summary = DeskSummary()
        self._narration = narration
        self._stage = Stage(self.summary, narration)

    def run(self) -> DeskSummary:
        """Run everything. Raises DemoError when it cannot go on."""
        model = find_model()
        customer = Customer(self._folder / "customer")
        with ExitStack() as stack:
            service = self._start_service(stack, model)
            with self._stage.step("Start a log", "start log"):
                log = stack.enter_context(development_log(self._folder / "log", self._folder / "log.messages"))
            vending = stack.enter_context(self._vendor(log, model))
            answered_without = self._answer_questions(service, vending)
            entries = self._read_back(log, answered_without)
            self._replay(service, vending, entries)
            self._audit(customer, log)
            chosen = evidence.choose(entries)
            self._take_home(customer, log, vending, chosen)
            self._stop(log)
        self._verify_offline(customer, log)
        return self.summary

    # ---------------------------------------------------------------------------------------------------- while it runs

    def _start_service(self, stack: ExitStack, model: ModelFile) -> Service:
        with self._stage.step("Start the language model and the assistant", "start model"):
            url = stack.enter_context(model_server(model, self._folder / "model.messages"))
            digest = file_digest(model.path)
            exported = InMemorySpanExporter()
            provider = TracerProvider(sampler=EverySpan(TraceIdRatioBased(SAMPLED)), shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exported))
            OpenAIInstrumentor().instrument(tracer_provider=provider)
            stack.callback(OpenAIInstrumentor().uninstrument)
            client = stack.enter_context(OpenAI(base_url=url, api_key="none", max_retries=0, timeout=_API_TIMEOUT_S))
        desk = Desk(
            client,
            MODEL_NAME,
            provider.get_tracer("clinic-desk"),
            before=[InjectionScanner(), PhiRedaction()],
            after=[ProfanityFilter()],
        )
        self.summary.model = {"name": MODEL_NAME, "version": model.version, "weights_sha256": digest.hex()}
        self._narration.tell(f"{MODEL_NAME} {model.version}, served by llama.cpp with OpenAI's API on this machine.")
        self._narration.tell(f"A telemetry backend would get {SAMPLED:.0%} of the traces.")
        return Service(desk, client, provider, exported)

    @contextmanager
    def _vendor(self, log: DevelopmentLog, model: ModelFile) -> Iterator[Vendor]:
        guardrails = [InjectionScanner(), PhiRedaction(), ProfanityFilter()]
        with vendor(new_folder(self._folder / "vendor"), log, model, guardrails) as vending:
            yield vending

    def _answer_questions(self, service: Service, vending: Vendor) -> int:
        """Answer all questions; return how many answers were given while a guardrail was switched off."""
        answered_without = asked = 0
        processor = vending.put_on_the_log(service.provider)
        title = f"Answer {len(self._questions)} questions; {_SWITCHED_OFF} is switched off for {len(self._off)} of them"
        with self._stage.step(title, "answer"), self._narration.progress("answered", len(self._questions)) as advance:
            for number, question in enumerate(self._questions):
                service.desk.switched_off = {_SWITCHED_OFF} if number in self._off else set()
                model_was_asked = self._answer(service, question)
                asked += model_was_asked
                answered_without += model_was_asked and number in self._off
                advance(1)
            vending.recorder.flush(_FLUSH_TIMEOUT_S)
        counts = processor.counts()
        self.summary.spans = {**asdict(counts), "exported": len(service.exported.get_finished_spans())}
        self._stage.check("spans that are not on the log", expected=0, found=sum(counts.lost.values()))
        recorded = counts.records.get("inference", 0)
        self._stage.check("inferences recorded", expected=len(self._questions), found=recorded)
        self._stage.check("records that the log refused", expected=0, found=len(vending.recorder.refused()))
        self._narration.tell(f"The model was asked {asked} times; the other questions were stopped before.")
        return answered_without

    def _answer(self, service: Service, question: Question) -> bool:
        with decision(subject=question.patient):
            return service.desk.answer(question.text).model_was_asked

    def _read_back(self, log: DevelopmentLog, answered_without: int) -> Sequence[Entry]:
        with self._stage.step("Read the log back, as anybody may", "read back"):
            entries = auditor.read_log(log.url, decode_vkey(log.vkey))
            found = auditor.gaps(entries)
        self.summary.decisions = auditor.decisions(entries)
        self.summary.guardrails = auditor.guardrail_decisions(entries)
        self.summary.gaps = [asdict(gap) for gap in found]
        self._narration.tell(f"{len(entries)} records; inferences by status: {self.summary.decisions}")
        self._narration.guardrails(self.summary.guardrails)
        for gap in found:
            seconds = (gap.last_ms - gap.first_ms) / 1_000
            self._narration.tell(
                f"FINDING: {gap.guardian} was required, and left no trace in {gap.answers} answers of {seconds:.0f} s."
            )
        shown = {gap.guardian: gap.answers for gap in found}
        self._stage.check(
            "answers without a required guardrail", expected={_SWITCHED_OFF: answered_without}, found=shown
        )
        leaked = [entry for entry in entries if evidence.shows_content(entry, self._questions)]
        self._stage.check("entries that show what was asked", expected=0, found=len(leaked))
        return entries

    def _replay(self, service: Service, vending: Vendor, entries: Sequence[Entry]) -> None:
        completed = [entry for entry in auditor.answers(entries) if entry.record.body["status"] == "completed"]
        if not completed:
            msg = f"expected answers of the model on the log, to replay some of them, got none in {len(entries)}"
            raise DemoError(msg)
        chosen = completed[:: max(1, len(completed) // REPLAYED)][:REPLAYED]
        with self._stage.step("Replay some decisions at temperature 0", "replay"):
            replayed = replay(service.client, vending, chosen)
            self._wait_for_late_records(entries)
            record_replay(vending, replayed)
            vending.recorder.flush(_FLUSH_TIMEOUT_S)
        same = sum(one.same for one in replayed)
        self._stage.check("second answers that open the first commitment", expected=len(chosen), found=same)

    def _wait_for_late_records(self, entries: Sequence[Entry]) -> None:
        """Let the time pass within which a record may still come: only then is a missing one a finding."""
        last_ms = max(entry.record.end or entry.record.time for entry in entries)
        left_s = last_ms / 1_000 + MAX_LATENESS_S + 1 - time.time()
        if left_s > 0:
            self._narration.tell(
                f"Records may be {MAX_LATENESS_S} s late, by the vendor's own word: {left_s:.0f} s to wait."
            )
            time.sleep(left_s)

    # ------------------------------------------------------------------------------------------------------- customers

    def _audit(self, customer: Customer, log: DevelopmentLog) -> None:
        customer.receive(evidence.VKEY_NAME, f"{log.vkey}\n".encode())
        with self._stage.step("Let glasslog audit look at the whole log", "audit"):
            run, outcome = evidence.audit(customer, log.url)
        self.summary.audit = outcome.to_fields()
        self._narration.command(run, output=outcome.shown())
        expected = {_SWITCHED_OFF} if self.summary.gaps else set[str]()
        self._stage.check("guardrails that glasslog audit misses", expected=expected, found=outcome.missing_guardrails)

    def _take_home(self, customer: Customer, log: DevelopmentLog, vending: Vendor, chosen: Entry) -> None:
        with self._stage.step("Take the evidence of every entry home", "fetch"):
            count = evidence.fetch_all(log.url, decode_vkey(log.vkey), new_folder(customer.folder / evidence.FOLDER))
            customer.receive(evidence.DISCLOSURES_NAME, evidence.disclosures_of(vending.vault, chosen))
        self.summary.log = {"entries": count, "chosen": chosen.statement.leaf_hash.hex()}
        self._narration.tell(f"{count} evidence bundles.")

    def _stop(self, log: DevelopmentLog) -> None:
        with self._stage.step("Stop the log: from here on there are only files", "stop"):
            exit_code = log.stop()
        self._stage.check_exit("glasslog-server, told to stop", 0, exit_code)

    def _verify_offline(self, customer: Customer, log: DevelopmentLog) -> None:
        with self._stage.step("Verify everything offline", "verify"):
            verified = evidence.verify_all(customer.folder / evidence.FOLDER, decode_vkey(log.vkey))
            run = evidence.verify_chosen(customer, self.summary.log["chosen"])
        self._stage.check("bundles verified offline", expected=self.summary.log["entries"], found=verified)
        self._narration.command(run)
        self._stage.check_exit("glasslog verify, with disclosures", 0, run.exit_code)
