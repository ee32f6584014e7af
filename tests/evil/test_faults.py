"""What goes wrong in a system in production, and in its log, is found: exactly that, and nothing in a clean run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from glasslog_issuer import Client, load_key
from tests.evil.auditing import audit
from tests.evil.faults import FAULTS, Vendor
from tests.evil.honest import Honest
from tests.evil.liar import Liar
from tests.evil.lies import serving
from tests.issuer.real_log import ISSUER, RealLog

FOUND_BY = {
    "deleted record": "stream-gaps",
    "backdated record": "lateness",
    "guardrail off": "guardrails",
    "silent model change": "model-changes",
    "unregistered provider": "providers",
    "heartbeat gap": "heartbeat-gaps",
    "unfinished erasure": "erasures",
}
"""The check that finds each fault of a vendor."""


def log_of(log: RealLog, faults: Sequence[str]) -> Honest:
    """Let a vendor with these faults fill a log."""
    records = Vendor(ISSUER, load_key(log.key_path), faults).produce()
    with Client(log.url, log_keys=[log.vkey]) as client:
        assert len(list(client.submit_many(signed.statement for signed in records))) == len(records)
    return Honest(log.url, log.folder)


def test_a_clean_run_gives_no_finding(tmp_path: Path) -> None:
    with RealLog(tmp_path / "log") as log:
        audited = audit(log_of(log, ()), log.url, tmp_path / "state")
    assert audited.code == 0, audited.said
    assert audited.findings == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_nothing_else(tmp_path: Path, fault: str) -> None:
    with RealLog(tmp_path / "log") as log:
        audited = audit(log_of(log, (fault,)), log.url, tmp_path / "state")
    assert audited.code == 1
    assert [found["check"] for found in audited.findings] == [FOUND_BY[fault]], audited.findings
    assert audited.findings[0]["message"]


def test_eight_faults_give_exactly_eight_findings(tmp_path: Path) -> None:
    with RealLog(tmp_path / "log") as log:
        honest = log_of(log, FAULTS)
        entries = honest.entries()
        entries[40], entries[41] = entries[41], entries[40]  # both genuine, in the other order
        assert len(audit(honest, log.url, tmp_path / "state").findings) == len(FAULTS)
        with Liar(log.url, serving(honest.forged(entries))) as liar:  # what the log shows the auditor from now on
            audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1
    expected = Counter({**dict.fromkeys(FOUND_BY.values(), 1), "consistency": 1})
    assert Counter(found["check"] for found in audited.findings) == expected, audited.findings
    assert list((tmp_path / "state" / "evidence").glob("*.fork"))
