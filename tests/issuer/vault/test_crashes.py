"""Killed at any moment, a vault has what it acknowledged, and finishes at the next opening what it had begun."""

import subprocess
import sys
from pathlib import Path

import pytest

from glasslog.records import decode_record
from glasslog_issuer.vault import ErasedError, Vault
from tests.issuer.vault.vaults import KEY, Vendor

ROOT = Path(__file__).parents[3]
COMMITS_MAX = 20


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "tests.issuer.vault.dying_vendor", *map(str, arguments)]


@pytest.mark.parametrize("lines", [1, 40, 150])
def test_what_was_kept_before_a_kill_is_there_after_it(vendor: Vendor, lines: int) -> None:
    process = subprocess.Popen(command("keep", vendor.folder), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [bytes.fromhex(process.stdout.readline().strip()) for _ in range(lines)]
    process.kill()
    acknowledged += [bytes.fromhex(line) for line in process.communicate()[0].split() if len(line) == 32]
    with vendor.open() as vault:
        for record_id in acknowledged:
            assert {disclosure.name for disclosure in vault.disclosures(record_id)} == {"input", "output"}
        assert vault.totals().readable in {len(acknowledged), len(acknowledged) + 1}


def erase_and_die(folder: Path, commit: int, when: str) -> tuple[bool, str]:
    """Return whether the process died, and what became of the erasure."""
    vendor = Vendor(folder)
    gone, stays = vendor.sign(), vendor.sign()
    with vendor.open() as vault:
        vault.keep_many([(gone, "patient 1"), (stays, "patient 2")])
    done = subprocess.run(
        command("erase", folder, str(commit), when), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode != 0, check_after(vendor, gone.id, stays.id)


def test_an_erasure_that_was_not_written_down_was_never_begun(tmp_path: Path) -> None:
    assert erase_and_die(tmp_path / "vault", 1, "before") == (True, "untouched")


def test_an_erasure_that_was_killed_anywhere_is_finished_at_the_next_opening(tmp_path: Path) -> None:
    outcomes = []
    for commit in range(1, COMMITS_MAX):
        outcomes.append(erase_and_die(tmp_path / str(commit), commit, "after"))
        if not outcomes[-1][0]:
            break
    # the request, the key, the records, no more records, the conclusion, the signed record: dead after each of them
    assert outcomes == [*[(True, "erased")] * 6, (False, "erased")]


def check_after(vendor: Vendor, gone: bytes, stays: bytes) -> str:
    """Open the vault after a crash; say what became of the erasure, and see that it can be recorded once."""
    with Vault.open(vendor.folder, KEY) as vault:
        assert {disclosure.name for disclosure in vault.disclosures(stays)} == {"input", "output"}
        if not vault.erasures():
            assert vault.disclosures(gone)
            return "untouched"
        with pytest.raises(ErasedError):
            vault.disclosures(gone)
        [status] = vault.erasures(only_open=True)
        assert status.destroyed_at is not None
        assert (status.records, status.unsubmitted) == (1, 1)
        statements = vault.erase(
            "patient 1", request_id="dsr-17", basis="gdpr", stores=["backups"], recording=vendor.recording
        )
        assert len(statements) == 1
        assert decode_record(statements[0].payload).body["request_id"] == "dsr-17"
        assert vault.pending() == statements
        return "erased"
