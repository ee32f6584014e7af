"""Lies about a single entry: a customer's evidence is refused by name, and what was sent shows it to others.

`glasslog fetch` with the log's key writes nothing that does not verify. Fetched without a key it is what the log gave
out, and `glasslog verify` names the step at which it fails, to whoever is handed the file.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from glasslog.bundle import decode_bundle
from glasslog.merkle import hash_leaf
from glasslog.receipt import InclusionProof, decode_receipt
from tests.evil.auditing import Told, glasslog
from tests.evil.honest import Honest
from tests.evil.liar import Liar, no_lie
from tests.evil.lies import bent

ENTRY, OTHER = 700, 701


def is_entry(request: web.Request) -> bool:
    return request.path.startswith("/entries/")


def with_receipt(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Put another receipt in the place of the one in an evidence bundle."""

    def bend(body: bytes) -> bytes:
        bundle = decode_bundle(body)
        return replace(bundle, receipt=change(bundle.receipt)).encode()

    return bend


def truncated(receipt: bytes) -> bytes:
    """Take the last hash of the path away: it is not signed."""
    opened = decode_receipt(receipt)
    assert isinstance(opened.proof, InclusionProof)
    return replace(opened, proof=replace(opened.proof, path=opened.proof.path[:-1])).encode()


def with_tlog_proof_truncated(body: bytes) -> bytes:
    bundle = decode_bundle(body)
    head, _, note = bundle.proof.partition(b"\n\n")
    return replace(bundle, proof=head.rpartition(b"\n")[0] + b"\n\n" + note).encode()


@pytest.fixture(scope="module")
def entry_id(honest: Honest) -> str:
    return hash_leaf(honest.entries()[ENTRY]).hex()


@pytest.fixture(scope="module")
def receipt_of_another_entry(honest: Honest) -> bytes:
    other = hash_leaf(honest.entries()[OTHER]).hex()
    return decode_bundle(honest.get(f"entries/{other}?format=bundle")).receipt


def test_an_honest_log_gives_out_what_verifies(honest: Honest, entry_id: str, tmp_path: Path) -> None:
    with Liar(honest.url, no_lie) as liar:
        told = fetched(liar, entry_id, tmp_path / "entry.glasslog", "--log-key", honest.vkey_option)
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize(
    "bend, step",
    [
        (with_receipt(truncated), "receipt"),
        (with_tlog_proof_truncated, "proof"),
    ],
    ids=["proof of the receipt truncated", "tlog-proof truncated"],
)
def test_a_truncated_proof_is_refused_by_name(
    honest: Honest, entry_id: str, tmp_path: Path, bend: Callable[[bytes], bytes], step: str
) -> None:
    assert step in caught(honest, entry_id, tmp_path, bend)


def test_a_receipt_for_another_entry_is_refused_by_name(
    honest: Honest, entry_id: str, receipt_of_another_entry: bytes, tmp_path: Path
) -> None:
    assert "receipt" in caught(honest, entry_id, tmp_path, with_receipt(lambda _: receipt_of_another_entry))


def fetched(liar: Liar, entry_id: str, place: Path, *options: str) -> Told:
    return glasslog("fetch", "--log", liar.url, "--entry-id", entry_id, "-o", place, *options)


def caught(honest: Honest, entry_id: str, tmp_path: Path, bend: Callable[[bytes], bytes]) -> str:
    """Show that a lie is refused with the key, and named by what was sent; return the words."""
    with Liar(honest.url, bent(is_entry, bend)) as liar:
        refused = fetched(liar, entry_id, tmp_path / "refused.glasslog", "--log-key", honest.vkey_option)
        kept = fetched(liar, entry_id, tmp_path / "sent.glasslog")
    assert refused.code == 1, refused.out + refused.err
    assert not (tmp_path / "refused.glasslog").exists()
    assert kept.code == 0, kept.out + kept.err
    shown = glasslog("verify", tmp_path / "sent.glasslog", "--log-key", honest.vkey_option)
    assert shown.code == 1, shown.out
    assert "FAILED" in shown.out
    return shown.out
