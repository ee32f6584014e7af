"""What a customer takes home and does with it: evidence of every entry, an audit, and verification without the log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from glasslog.commitments import encode_disclosures
from glasslog.sources.http import HttpLog
from glasslog.verify import Trust, Verdict, verify
from glasslog.vkey import VerifierKey
from glasslog_issuer.demo_llm.auditor import Entry, answers, read_log
from glasslog_issuer.demo_llm.questions import Question
from glasslog_issuer.stage.customer import CommandRun, Customer
from glasslog_issuer.stage.errors import DemoError
from glasslog_issuer.vault import Vault

VKEY_NAME: Final = "log.vkey"
FOLDER: Final = "evidence"
DISCLOSURES_NAME: Final = "disclosures.cbor"
_AUDIT_FOLDER: Final = "audit"
_AUDITED: Final = frozenset({0, 1})  # exit codes: nothing found, findings
_GUARDRAILS_CHECK: Final = "guardrails"


@dataclass(frozen=True, slots=True)
class Audited:
    """What `glasslog audit` found: findings by check, each with its message."""

    findings: Sequence[Mapping[str, Any]]

    @property
    def missing_guardrails(self) -> set[str]:
        """Return the guardians that the audit found missing."""
        return {finding["subject"] for finding in self.findings if finding["check"] == _GUARDRAILS_CHECK}

    def shown(self) -> str:
        """Return one line for each finding."""
        return "\n".join(
            f"{finding['severity']:8} {finding['check']}: {finding['message']}" for finding in self.findings
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the findings as they are printed in JSON."""
        return {"findings": [dict(finding) for finding in self.findings]}


def audit(customer: Customer, url: str) -> tuple[CommandRun, Audited]:
    """Run `glasslog audit` on the whole log. Raises DemoError when it could not be done."""
    run = customer.run(
        "audit", "--log", url, "--log-key", f"@{VKEY_NAME}", "--state", _AUDIT_FOLDER, "--processes", "0"
    )
    if run.exit_code not in _AUDITED:
        msg = f"expected glasslog audit to audit the log, got exit code {run.exit_code}: {run.output[-2_000:]}"
        raise DemoError(msg)
    outcome = json.loads((customer.folder / _AUDIT_FOLDER / "audit.json").read_text())
    return run, Audited([finding for check in outcome["checks"] for finding in check["findings"]])


def choose(entries: Sequence[Entry]) -> Entry:
    """Return the inference that shows most: the first that was answered."""
    return answers(entries)[0]


def disclosures_of(vault: Vault, entry: Entry) -> bytes:
    """Return the file that opens the commitments of an entry."""
    return encode_disclosures(vault.disclosures(entry.record.id))


def shows_content(entry: Entry, asked: Iterable[Question]) -> bool:
    """Whether an entry has a question in it, or the name of a patient."""
    return any(
        text.encode() in entry.statement.entry for question in asked for text in (question.text, question.patient)
    )


def fetch_all(url: str, log_key: VerifierKey, folder: Path) -> int:
    """Fetch the evidence bundle of every record on the log into a folder; return how many there are."""
    entries = read_log(url, log_key)
    with closing(HttpLog(url)) as log:
        for entry in entries:
            (folder / _file_name(entry.statement.leaf_hash.hex())).write_bytes(log.entry(entry.statement.leaf_hash))
    return len(entries)


def verify_all(folder: Path, log_key: VerifierKey) -> int:
    """Verify every bundle in a folder with the log's key alone; return how many hold."""
    trust = Trust(log_keys=(log_key,))
    return sum(verify(file.read_bytes(), trust).verdict is Verdict.VERIFIED for file in sorted(folder.iterdir()))


def verify_chosen(customer: Customer, entry_id: str) -> CommandRun:
    """Run `glasslog verify` on one bundle, with what the vendor discloses of it."""
    file = f"{FOLDER}/{_file_name(entry_id)}"
    return customer.run("verify", file, "--log-key", f"@{VKEY_NAME}", "--disclosures", DISCLOSURES_NAME)


def _file_name(entry_id: str) -> str:
    return f"{entry_id}.glasslog"
