"""Those who trust neither the vendor nor the log: a customer, an auditor, and one who forges.

They have the log's key, the files that they were given, and the command `glasslog`. What comes before the log is
stopped asks it for evidence; what comes after has only files.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import urllib3

from glasslog.bundle import decode_bundle
from glasslog.checkpoint import Checkpoint, open_checkpoint
from glasslog.sources.http import HttpLog
from glasslog.statement import SignedStatement
from glasslog.verify import Trust, Verdict, verify
from glasslog_issuer.demo.forgery import with_altered_proof, with_altered_record, with_forged_checkpoint
from glasslog_issuer.demo.production import Screened
from glasslog_issuer.demo.vendor import Vendor
from glasslog_issuer.keys import generate_key
from glasslog_issuer.registration import Registered
from glasslog_issuer.stage.customer import Customer
from glasslog_issuer.stage.development_log import DevelopmentLog
from glasslog_issuer.stage.errors import DemoError
from glasslog_issuer.stage.stage import Stage

EVIDENCE_NAME: Final = "evidence.glasslog"
DISCLOSURES_NAME: Final = "disclosures.cbor"
VKEY_NAME: Final = "log.vkey"
ERASED_NAME: Final = "erased-decision.glasslog"
ERASURE_NAME: Final = "erasure.glasslog"
DECISION_NAME: Final = "decision"
AUDIT_NAME: Final = "state"
REPORT_NAME: Final = "report.html"

_EXIT_VERIFIED: Final = 0
_EXIT_FAILED: Final = 1
_DETAIL: Final = " " * 6  # what `glasslog verify` indents the details of a step by
_ANSWER_TIMEOUT_S: Final = 10.0


class Outsiders:
    """The customer's and the auditor's folders, and what they do there."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        """Take the demo's folder, in which theirs are made when they are missing."""
        self._stage = stage
        self._customer = Customer(folder / "customer")
        self._auditor = Customer(folder / "auditor")

    def receive(self, name: str, data: bytes) -> None:
        """Take a file from the vendor."""
        self._customer.receive(name, data)

    # ----------------------------------------------------------------------------------------------- while the log runs

    def look_up(
        self, log: DevelopmentLog, trust: Trust, chosen: Screened, vendor: Vendor, registered: Sequence[Registered]
    ) -> None:
        """Ask the log for its checkpoint, for all entries of one decision, and for the evidence of one of them."""
        about = [one.statement.leaf_hash for one in vendor.records if one.decision == chosen.signed.decision]
        with self._stage.step("Look the log up", "look up"):
            head = _checkpoint(log, trust)
            with closing(HttpLog(log.url)) as source:
                entries = source.decision(chosen.signed.decision)
            self._customer.receive(VKEY_NAME, f"{log.vkey}\n".encode())
            fetched = self._customer.run(
                *("fetch", "--log", log.url, "--decision", chosen.signed.decision),
                *("--entry-id", chosen.signed.statement.leaf_hash.hex()),
                *("--log-key", f"@{VKEY_NAME}", "-o", EVIDENCE_NAME),
            )
        self._stage.summary.log |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        self._stage.narration.tell(
            f"The latest checkpoint of {head.origin} is signed. {head.size} entries have the root"
        )
        self._stage.narration.show(head.root.hex())
        covered = sum(entry.index < head.size for entry in registered)
        self._stage.check("records under the signed checkpoint", expected=len(registered), found=covered)
        self._stage.check("entries of one decision", expected=len(about), found=len(set(entries) & set(about)))
        self._stage.narration.command(fetched)
        self._stage.check_exit("glasslog fetch", _EXIT_VERIFIED, fetched.exit_code)

    def fetch_erased(self, log: DevelopmentLog, erased: Screened, erasure: SignedStatement) -> None:
        """Fetch the evidence of the erased decision, and of its erasure."""
        wanted = {ERASED_NAME: erased.signed.statement.leaf_hash, ERASURE_NAME: erasure.leaf_hash}
        for name, entry_id in wanted.items():
            run = self._customer.run(
                *("fetch", "--log", log.url, "--entry-id", entry_id.hex(), "--log-key", f"@{VKEY_NAME}", "-o", name)
            )
            self._stage.check_exit(f"glasslog fetch, {name}", _EXIT_VERIFIED, run.exit_code)

    def reconstruct(self, log: DevelopmentLog, chosen: Screened) -> None:
        """Put one decision together, on one page."""
        with self._stage.step("Put one decision together from all its records", "reconstruct"):
            run = self._customer.run(
                *("reconstruct", "--decision", chosen.signed.decision, "--log", log.url, "--log-key", f"@{VKEY_NAME}"),
                *("--disclosures", DISCLOSURES_NAME, "-o", DECISION_NAME),
            )
        self._stage.narration.command(run)
        self._stage.check_exit("glasslog reconstruct", _EXIT_VERIFIED, run.exit_code)

    def audit(self, log: DevelopmentLog) -> None:
        """Mirror the whole log, replay every entry, run every check, and write the report."""
        with self._stage.step("Audit the whole log, as a firm would that trusts neither vendor nor log", "audit"):
            self._auditor.receive(VKEY_NAME, f"{log.vkey}\n".encode())
            run = self._auditor.run("audit", "--log", log.url, "--log-key", f"@{VKEY_NAME}", "--state", AUDIT_NAME)
        self._stage.narration.command(run)
        self._stage.check_exit("glasslog audit, nothing found", _EXIT_VERIFIED, run.exit_code)
        report = self._auditor.run("report", "--state", AUDIT_NAME, "-o", REPORT_NAME)
        self._stage.narration.command(report)
        self._stage.check_exit("glasslog report", _EXIT_VERIFIED, report.exit_code)

    # ---------------------------------------------------------------------------------------------- without the log

    def verify_receipts(self, receipts: Path, trust: Trust, count: int) -> None:
        """Verify every receipt that the vendor was given, by the file."""
        files = sorted(receipts.iterdir())
        verified = 0
        with (
            self._stage.step("Verify every receipt, offline", "verify"),
            self._stage.narration.progress("verified", len(files)) as advance,
        ):
            for file in files:
                verified += verify(file.read_bytes(), trust).verdict is Verdict.VERIFIED
                advance(1)
        self._stage.check("receipts verified offline", expected=count, found=verified)

    def verify_as_customer(self) -> None:
        """Verify the evidence of one decision, and open what the vendor has disclosed."""
        with self._stage.step("Verify one decision with what the vendor discloses of it", "customer"):
            run = self._customer.run(
                "verify", EVIDENCE_NAME, "--log-key", f"@{VKEY_NAME}", "--disclosures", DISCLOSURES_NAME
            )
        self._stage.narration.command(run)
        self._stage.check_exit("glasslog verify, genuine evidence", _EXIT_VERIFIED, run.exit_code)

    def verify_erased(self) -> None:
        """Verify the evidence of a decision whose content was erased."""
        with self._stage.step("Verify a decision about a person whose data were erased: the proof stands", "erased"):
            run = self._customer.run("verify", ERASED_NAME, "--log-key", f"@{VKEY_NAME}", "--erasure", ERASURE_NAME)
        self._stage.narration.command(run, output=_lines_with(run.output, "erased", "VERIFIED"))
        self._stage.check_exit("glasslog verify, erased decision", _EXIT_VERIFIED, run.exit_code)

    def forge(self) -> None:
        """Alter the evidence in the three places where it could matter."""
        genuine = decode_bundle((self._customer.folder / EVIDENCE_NAME).read_bytes())
        forgeries = {
            "altered record": with_altered_record(genuine),
            "altered proof": with_altered_proof(genuine),
            "forged checkpoint": with_forged_checkpoint(genuine, generate_key()),
        }
        with self._stage.step("Alter the record, the proof, the checkpoint: each must be caught", "forge"):
            for name, forged in forgeries.items():
                file = f"{name.replace(' ', '-')}.glasslog"
                self._customer.receive(file, forged.encode())
                run = self._customer.run("verify", file, "--log-key", f"@{VKEY_NAME}")
                self._stage.narration.command(run, output=_failures(run.output))
                self._stage.check_exit(f"glasslog verify, {name}", _EXIT_FAILED, run.exit_code)


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


def _lines_with(output: str, *words: str) -> str:
    """Return the lines that hold one of some words."""
    return "\n".join(line for line in output.splitlines() if any(word in line for word in words))
