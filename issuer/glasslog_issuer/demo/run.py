"""The demo from beginning to end: decide, record, watch, change, and verify without the log.

    practice            fit the model and its guardrails to real data
    development_log     start a log
    production          put the system into service; decide about real people; watch who arrives; retrain
    vendor              all of it goes through a Recorder: signed, kept, submitted, receipts taken
    vault               somebody wants their data erased: it is, and the proofs stand
                        look the log up while it runs; audit all of it; put one decision together
                        stop it: from here on there are only files
    outsiders           verify every receipt, and one decision with what it discloses; alter evidence, and see it caught

Each step leaves what it found in the summary, and its files in the folder.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from glasslog.commitments import encode_disclosures
from glasslog.statement import SignedStatement
from glasslog.verify import Trust
from glasslog.vkey import decode_vkey
from glasslog_issuer.demo.arrivals import Arrivals, arrivals
from glasslog_issuer.demo.drift import DISTANCE_MAX, FeatureDrift
from glasslog_issuer.demo.outsiders import DISCLOSURES_NAME, Outsiders
from glasslog_issuer.demo.practice import Practice, set_up
from glasslog_issuer.demo.production import Production, Screened, Tested
from glasslog_issuer.demo.referrals import Case, arriving_cases
from glasslog_issuer.demo.screening import Label
from glasslog_issuer.demo.summary import ScreeningSummary
from glasslog_issuer.demo.vendor import Vendor, vendor_of
from glasslog_issuer.keys import load_key
from glasslog_issuer.registration import Registered
from glasslog_issuer.stage.development_log import DevelopmentLog, development_log
from glasslog_issuer.stage.folders import new_folder
from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.stage import Stage
from glasslog_issuer.vault import ErasedError, Vault, generate_master_key, write_master_key

ERASURE_REQUEST: Final = "dsr-0001"
COPY_NAME: Final = "letters-archive"
CADENCE_S: Final = 2
MAX_GAP_S: Final = 10

_TAG_KEY_BYTES: Final = 32


class Demonstration:
    """One run in one folder, which must be empty."""

    def __init__(self, folder: Path, decisions: int, narration: Narration) -> None:
        """Take the folder, how many referrals arrive, and who tells of it."""
        self.summary = ScreeningSummary()
        self._decisions = decisions
        self._narration = narration
        self._stage = Stage(self.summary, narration)
        self._folder = folder
        self._receipts = new_folder(folder / "receipts")
        self._outsiders = Outsiders(folder, self._stage)

    def run(self) -> ScreeningSummary:
        """Run it all. Raises DemoError when it cannot go on, and whatever the issuer's package raises."""
        outsiders, practice = self._outsiders, self._set_up()
        people = arrivals(practice.cohort.held_out, self._decisions)
        with ExitStack() as stack:
            log = self._start(stack)
            trust = Trust((decode_vkey(log.vkey),), issuer_key=load_key(log.issuer_key).public_key)
            vault = stack.enter_context(_new_vault(self._folder / "vault"))
            vendor = stack.enter_context(vendor_of(log, new_folder(self._folder / "recorder"), vault))
            production = Production(vendor, practice.screening, practice.cohort, tag_key=os.urandom(_TAG_KEY_BYTES))
            self._put_into_service(production, people)
            self._work(production, people)
            chosen = choose(production.screened)
            erased = next(one for one in production.screened if one is not chosen)
            erasure = self._erase(vault, vendor, erased)
            vendor.seal()
            registered = self._take_receipts(vendor)
            outsiders.look_up(log, trust, chosen, vendor, registered)
            outsiders.receive(DISCLOSURES_NAME, encode_disclosures(vault.disclosures(chosen.signed.id)))
            outsiders.fetch_erased(log, erased, erasure)
            outsiders.reconstruct(log, chosen)
            outsiders.audit(log)
            vendor.recorder.close()
            self._stop(log)
        outsiders.verify_receipts(self._receipts, trust, len(registered))
        outsiders.verify_as_customer()
        outsiders.verify_erased()
        outsiders.forge()
        return self.summary

    # ----------------------------------------------------------------------------------------------- while the log runs

    def _set_up(self) -> Practice:
        with self._stage.step("Fit a risk model and its guardrails to real people", "fit"):
            practice = set_up(new_folder(self._folder / "model"))
        evaluation, model = practice.evaluation, practice.screening.model
        self.summary.model = {"weights_digest": model.digest.hex(), "held_out": asdict(evaluation)}
        self._narration.tell(
            "NHANES 2017-2018, adults without known diabetes: who has raised blood sugar and does not know it? "
            f"Fitted to {len(practice.cohort.training):,} people; on {evaluation.count:,} others the AUC is "
            f"{evaluation.auc:.3f}, sensitivity {evaluation.sensitivity:.2f}, specificity {evaluation.specificity:.2f}."
        )
        self._narration.show(f"weights: SHA-256 {model.digest.hex()}")
        return practice

    def _start(self, stack: ExitStack) -> DevelopmentLog:
        with self._stage.step("Start a transparency log of our own", "start"):
            log = stack.enter_context(development_log(self._folder / "log", self._folder / "log.txt"))
        self.summary.log = {"url": log.url, "vkey": log.vkey}
        self._narration.tell(f"It listens on {log.url}. Whoever wants to verify needs its key and nothing else:")
        self._narration.show(log.vkey)
        return log

    def _put_into_service(self, production: Production, people: Arrivals) -> None:
        with self._stage.step(
            "Put the system into service: what it is, how it was tested, who let it decide", "register"
        ):
            production.register(people.never, CADENCE_S, MAX_GAP_S)
        self._tell_tests(production.tested[-1])

    def _work(self, production: Production, people: Arrivals) -> None:
        """Let people arrive: as expected, then others, whom a retrained model decides about in the end."""
        cases = iter(list(arriving_cases(people.all, len(people.all))))
        with self._stage.step(
            "Decide about people whom the model has not seen; a clinician looks at every proposal", "decide"
        ):
            usual = self._screen(production, [next(cases) for _ in people.usual])
        self._tell_decisions(usual)
        self._tell_drift(production.watch(usual))
        with self._stage.step("A home for the elderly joins: is it still the people that the model knows?", "drift"):
            shifted = self._screen(production, [next(cases) for _ in people.shifted])
            drifts = production.watch(shifted)
        self._tell_drift(drifts)
        with self._stage.step("Retrain on what was learned, test again, replace the model, go on", "retrain"):
            tested = production.retrain(people.never)
            after = self._screen(production, list(cases))
        self._tell_tests(tested)
        self.summary.count(one.decision for one in production.screened)
        self.summary.reviewed(one.review.reason_code for one in production.screened)
        self._narration.tell(f"{len(after)} more decisions, by version {tested.model.version}. In all:")
        self._narration.guardrails(self.summary.guardrails)
        production.reconcile(len(people.all))

    def _erase(self, vault: Vault, vendor: Vendor, erased: Screened) -> SignedStatement:
        """Erase what is known of one person; return the statement that says so."""
        with self._stage.step("Somebody wants their data erased", "erase"):
            statements = vault.erase(
                erased.subject, request_id=ERASURE_REQUEST, basis="gdpr-17-1-b", recording=vendor, stores=[COPY_NAME]
            )
            vault.confirm(ERASURE_REQUEST, COPY_NAME, recording=vendor)
            try:
                found = f"{len(vault.disclosures(erased.signed.id))} values"
            except ErasedError:
                found = "nothing"
        self._stage.check("what the vault still opens of an erased decision", expected="nothing", found=found)
        return next(one for one in statements if one.subject == erased.signed.decision)

    def _screen(self, production: Production, cases: Sequence[Case]) -> list[Screened]:
        """Decide about some people; their blood tests come back before anybody else arrives."""
        screened = []
        with self._narration.progress("decided, reviewed, recorded", len(cases)) as advance:
            for case in cases:
                screened.append(production.screen(case))
                advance(1)
        production.report_results(screened)
        return screened

    def _take_receipts(self, vendor: Vendor) -> list[Registered]:
        with self._stage.step("Everything is in the log: take the receipts", "receipts"):
            registered = vendor.registered()
            for one in registered:
                (self._receipts / f"{one.entry_id}.cose").write_bytes(one.transparent_statement())
        self.summary.count_records(signed.record.type for signed in vendor.records)
        counts = ", ".join(f"{count} {name}" for name, count in self.summary.records.items())
        self._narration.tell(f"{len(registered)} records, each with a receipt that was verified: {counts}.")
        return registered

    def _tell_decisions(self, screened: Sequence[Screened]) -> None:
        spoilt = sum(one.case.defect is not None for one in screened)
        overridden = sum(one.review.action == "override" for one in screened)
        self._narration.tell(
            f"{len(screened)} decisions. {spoilt} referrals had been spoilt on purpose; where the model was not sure, "
            f"the clinician overrode its leaning {overridden} times."
        )

    def _tell_tests(self, tested: Tested) -> None:
        held_out, comparison = tested.held_out, tested.comparison
        self._narration.tell(
            f"Version {tested.model.version}, on {held_out.count} people who never arrive: AUC {held_out.auc:.3f}, "
            f"sensitivity {held_out.sensitivity:.2f}, specificity {held_out.specificity:.2f}. "
            f"Groups compared by fairlearn: {comparison.verdict}."
        )
        for disparity in comparison.disparities:
            kind, value = (
                ("ratio", disparity.ratio) if disparity.ratio is not None else ("difference", disparity.difference)
            )
            self._narration.show(
                f"{disparity.metric} by {disparity.attribute}: {kind} {value}, limit {disparity.threshold}"
            )
        if comparison.verdict != "pass":
            self._narration.tell(
                "That is recorded as it is, with the conditions under which the model is used all the same."
            )

    def _tell_drift(self, drifts: Sequence[FeatureDrift]) -> None:
        widest = drifts[0]
        said = "beyond" if widest.breached else "within"
        self._narration.tell(
            f"Drift: the widest distance to the training data is {widest.distance:.2f}, in {widest.feature}, {said} "
            f"the limit of {DISTANCE_MAX}." + (" An incident is opened." if widest.breached else "")
        )

    def _stop(self, log: DevelopmentLog) -> None:
        with self._stage.step("Stop the log: from here on there are only files", "stop"):
            exit_code = log.stop()
        self._stage.check_exit("glasslog-server, told to stop", 0, exit_code)


def choose(screened: Sequence[Screened]) -> Screened:
    """Return the decision that shows most: one with something redacted and a test offered, or else the first."""

    def interest(one: Screened) -> int:
        redacted = any(execution.decision == "modify" for execution in one.decision.executions)
        return 2 * (one.decision.label is Label.OFFER_TEST) + redacted

    return max(screened, key=interest)


@contextmanager
def _new_vault(folder: Path) -> Iterator[Vault]:
    """Make a vault with a master key beside it, and open it until the block ends."""
    key = generate_master_key()
    Vault.create(folder, key)
    write_master_key(folder.with_suffix(".key"), key)
    with Vault.open(folder, key) as vault:
        yield vault
