"""The demo from beginning to end: decide, record, submit, take receipts home, and verify without the log.

    practice            fit the model and its guardrails to real data
    development_log     start a log
    vendor              decide about real people; sign, submit, and keep the receipts
                        look the log up while it runs
                        stop it: from here on there are only files
    glasslog.verify     verify every receipt
    customer            verify one decision with what it discloses
    forgery             alter the evidence, and see it caught

Each step leaves what it found in the summary, and its files in the folder.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import urllib3

from glasslog.bundle import decode_bundle
from glasslog.checkpoint import Checkpoint, open_checkpoint
from glasslog.sources.http import HttpLog
from glasslog.verify import Trust, Verdict, verify
from glasslog.vkey import decode_vkey
from glasslog_issuer.client import Client
from glasslog_issuer.demo.customer import Customer
from glasslog_issuer.demo.development_log import ISSUER_URI, DevelopmentLog, development_log
from glasslog_issuer.demo.errors import DemoError
from glasslog_issuer.demo.forgery import with_altered_proof, with_altered_record, with_forged_checkpoint
from glasslog_issuer.demo.narration import Narration
from glasslog_issuer.demo.practice import Practice, set_up
from glasslog_issuer.demo.recording import ENVIRONMENT, STREAM_ID, SYSTEM
from glasslog_issuer.demo.referrals import Case, arriving_cases
from glasslog_issuer.demo.screening import Label
from glasslog_issuer.demo.summary import Summary
from glasslog_issuer.demo.vendor import Recorded, Vendor
from glasslog_issuer.keys import generate_key, load_key
from glasslog_issuer.record import Issuer
from glasslog_issuer.registration import Registered
from glasslog_issuer.stream import StreamFile

BATCH_DECISIONS: Final = 50
SINGLE_DECISIONS: Final = 3  # the last ones, each submitted by itself
SYSTEM_RECORDS: Final = 2  # registrations of the model and of the guardrails, before all decisions
EVIDENCE_NAME: Final = "evidence.glasslog"
DISCLOSURES_NAME: Final = "disclosures.cbor"
VKEY_NAME: Final = "log.vkey"

_EXIT_VERIFIED: Final = 0
_EXIT_FAILED: Final = 1
_DETAIL: Final = " " * 6  # what `glasslog verify` indents the details of a step by
_ANSWER_TIMEOUT_S: Final = 10.0


class Demonstration:
    """One run in one folder, which must be empty."""

    def __init__(self, folder: Path, decisions: int, narration: Narration) -> None:
        """Take the folder, how many referrals arrive, and who tells of it."""
        self.summary = Summary()
        self._decisions = decisions
        self._narration = narration
        self._folder = folder
        self._receipts = _made(folder / "receipts")
        self._customer = Customer(_made(folder / "customer"))

    def run(self) -> Summary:
        """Run it all. Raises DemoError when it cannot go on, and whatever the issuer's package raises."""
        practice = self._set_up()
        with ExitStack() as stack:
            log = self._start(stack)
            trust = Trust((decode_vkey(log.vkey),), issuer_key=load_key(log.issuer_key).public_key)
            recorded, registered = self._decide(practice, log)
            chosen = choose(recorded)
            self._look_up(log, trust, chosen, registered)
            self._stop(log)
        self._verify_receipts(trust, len(registered))
        self._verify_as_customer(chosen)
        self._forge()
        return self.summary

    # ----------------------------------------------------------------------------------------------- while the log runs

    def _set_up(self) -> Practice:
        with self._step("Fit a risk model and its guardrails to real people", "fit"):
            practice = set_up(_made(self._folder / "model"))
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
        with self._step("Start a transparency log of our own", "start"):
            log = stack.enter_context(development_log(self._folder / "log", self._folder / "log.txt"))
        self.summary.log = {"url": log.url, "vkey": log.vkey}
        self._narration.tell(f"It listens on {log.url}. Whoever wants to verify needs its key and nothing else:")
        self._narration.show(log.vkey)
        return log

    def _decide(self, practice: Practice, log: DevelopmentLog) -> tuple[list[Recorded], list[Registered]]:
        cases = list(arriving_cases(practice.cohort.held_out, self._decisions))
        with (
            self._step("Decide about people whom the model has not seen, and log every decision", "decide"),
            StreamFile(self._folder / "screening.stream", ISSUER_URI, STREAM_ID) as stream,
            Client(log.url, log_keys=[log.vkey]) as client,
        ):
            issuer = Issuer(ISSUER_URI, load_key(log.issuer_key), system=SYSTEM, env=ENVIRONMENT, stream=stream)
            vendor = Vendor(practice.screening, issuer, client)
            recorded = self._work(vendor, cases)
        for registered in vendor.registered:
            (self._receipts / f"{registered.entry_id}.cose").write_bytes(registered.transparent_statement())
        self._tell_decisions(recorded, cases)
        return recorded, vendor.registered

    def _work(self, vendor: Vendor, cases: Sequence[Case]) -> list[Recorded]:
        """Let the vendor decide on all cases, most of them in batches, the last ones singly."""
        referrals = [case.referral for case in cases]
        singles_from = max(0, len(referrals) - SINGLE_DECISIONS)
        recorded: list[Recorded] = []
        registrations = vendor.register_system()
        with self._narration.progress("decided, signed, logged", len(referrals)) as advance:
            for start in range(0, singles_from, BATCH_DECISIONS):
                batch = referrals[start : min(start + BATCH_DECISIONS, singles_from)]
                recorded += vendor.decide_batch(batch, registrations)
                advance(len(batch))
            for referral in referrals[singles_from:]:
                recorded.append(vendor.decide_one(referral, registrations))
                advance(1)
        return recorded

    def _tell_decisions(self, recorded: Sequence[Recorded], cases: Sequence[Case]) -> None:
        self.summary.count(kept.decision for kept in recorded)
        counts = ", ".join(f"{count} {name}" for name, count in self.summary.decisions.items() if name != "total")
        spoilt = sum(case.defect is not None for case in cases)
        self._narration.tell(f"{len(recorded)} decisions: {counts}. {spoilt} referrals had been spoilt on purpose.")
        self._narration.guardrails(self.summary)

    def _look_up(self, log: DevelopmentLog, trust: Trust, chosen: Recorded, registered: Sequence[Registered]) -> None:
        with self._step("Look the log up", "look up"):
            head = _checkpoint(log, trust)
            with closing(HttpLog(log.url)) as source:
                entries = source.decision(chosen.signed.decision)
            self._customer.receive(VKEY_NAME, f"{log.vkey}\n".encode())
            fetched = self._customer.run(
                *("fetch", "--log", log.url, "--decision", chosen.signed.decision),
                *("--log-key", f"@{VKEY_NAME}", "-o", EVIDENCE_NAME),
            )
        self.summary.log |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        self._narration.tell(f"The latest checkpoint of {head.origin} is signed. {head.size} entries have the root")
        self._narration.show(head.root.hex())
        covered = sum(entry.index < head.size for entry in registered)
        self._check("records under the signed checkpoint", expected=self._decisions + SYSTEM_RECORDS, found=covered)
        same = "the one with the receipt" if entries == (chosen.signed.statement.leaf_hash,) else f"{entries}"
        self._check("entry of one decision", expected="the one with the receipt", found=same)
        self._narration.command(fetched)
        self._check_exit("glasslog fetch", _EXIT_VERIFIED, fetched.exit_code)

    def _stop(self, log: DevelopmentLog) -> None:
        with self._step("Stop the log: from here on there are only files", "stop"):
            exit_code = log.stop()
        self._check_exit("glasslog-server, told to stop", 0, exit_code)

    # ---------------------------------------------------------------------------------------------- without the log

    def _verify_receipts(self, trust: Trust, count: int) -> None:
        files = sorted(self._receipts.iterdir())
        verified = 0
        with (
            self._step("Verify every receipt, offline", "verify"),
            self._narration.progress("verified", len(files)) as advance,
        ):
            for file in files:
                verified += verify(file.read_bytes(), trust).verdict is Verdict.VERIFIED
                advance(1)
        self._check("receipts verified offline", expected=count, found=verified)

    def _verify_as_customer(self, chosen: Recorded) -> None:
        with self._step("Verify one decision with what the vendor discloses of it", "customer"):
            self._customer.receive(DISCLOSURES_NAME, chosen.signed.disclosure_file())
            run = self._customer.run(
                "verify", EVIDENCE_NAME, "--log-key", f"@{VKEY_NAME}", "--disclosures", DISCLOSURES_NAME
            )
        self._narration.command(run)
        self._check_exit("glasslog verify, genuine evidence", _EXIT_VERIFIED, run.exit_code)

    def _forge(self) -> None:
        genuine = decode_bundle((self._customer.folder / EVIDENCE_NAME).read_bytes())
        forgeries = {
            "altered record": with_altered_record(genuine),
            "altered proof": with_altered_proof(genuine),
            "forged checkpoint": with_forged_checkpoint(genuine, generate_key()),
        }
        with self._step("Alter the record, the proof, the checkpoint: each must be caught", "forge"):
            for name, forged in forgeries.items():
                file = f"{name.replace(' ', '-')}.glasslog"
                self._customer.receive(file, forged.encode())
                run = self._customer.run("verify", file, "--log-key", f"@{VKEY_NAME}")
                self._narration.command(run, output=_failures(run.output))
                self._check_exit(f"glasslog verify, {name}", _EXIT_FAILED, run.exit_code)

    # ------------------------------------------------------------------------------------------------------- narration

    @contextmanager
    def _step(self, title: str, name: str) -> Iterator[None]:
        self._narration.step(title)
        started_s = time.perf_counter()
        yield
        self.summary.seconds[name] = round(time.perf_counter() - started_s, 3)

    def _check(self, name: str, *, expected: object, found: object) -> None:
        self._narration.check(self.summary.check(name, expected=expected, found=found))

    def _check_exit(self, name: str, expected: int, found: int) -> None:
        self._check(name, expected=f"exit code {expected}", found=f"exit code {found}")


def choose(recorded: Sequence[Recorded]) -> Recorded:
    """Return the decision that shows most: one with something redacted and a test offered, or else the first."""

    def interest(kept: Recorded) -> int:
        redacted = any(execution.decision == "modify" for execution in kept.decision.executions)
        return 2 * (kept.decision.label is Label.OFFER_TEST) + redacted

    return max(recorded, key=interest)


def _checkpoint(log: DevelopmentLog, trust: Trust) -> Checkpoint:
    """Return the log's latest checkpoint, signature checked."""
    answer = urllib3.request("GET", f"{log.url}/checkpoint", retries=False, timeout=_ANSWER_TIMEOUT_S)
    if answer.status != 200:  # noqa: PLR2004
        msg = f"expected the log's checkpoint, got HTTP status {answer.status}"
        raise DemoError(msg)
    return open_checkpoint(answer.data, trust.log_keys).checkpoint


def _failures(output: str) -> str:
    """Return the part of what `glasslog verify` printed that tells of failed steps: each, and its indented lines."""
    lines, shown = [], False
    for line in output.splitlines():
        if not line.startswith(_DETAIL):
            shown = "✗" in line
        if shown:
            lines.append(line)
    return "\n".join(lines)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
