"""Each lie of a log is caught by an audit, named, and leaves evidence; an honest log raises nothing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.errors import UncheckableError
from glasslog.keys import SigningKey
from glasslog.merkle import Hash
from glasslog.sources.fetching import Patience
from glasslog.sources.source import read_bundle
from glasslog.sources.static_http import CONNECTIONS, HttpLogSource
from glasslog.tiles import BundleId
from tests.evil.auditing import audit
from tests.evil.honest import Honest
from tests.evil.liar import Liar, Lie, no_lie
from tests.evil.lies import (
    answering,
    bent,
    counting,
    cut_short,
    endless_body,
    gzip_bomb,
    is_full_bundle,
    is_partial_bundle,
    is_tile,
    redirecting,
    serving,
    slow_drip,
    storming,
    with_bit_flipped,
    with_entries_swapped,
    with_entry_changed,
)


def test_an_honest_log_raises_nothing(honest: Honest, tmp_path: Path) -> None:
    with Liar(honest.url, no_lie) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 0, audited.said
    assert "NOTHING FOUND" in audited.said


LIES: dict[str, tuple[Lie, str]] = {
    "entry changed after the fact": (
        bent(is_full_bundle, with_entry_changed(77)),
        "expected tile/entries/000: entry 77 with the leaf hash",
    ),
    "entries in each other's place": (
        bent(is_full_bundle, with_entries_swapped(3, 4)),
        "expected tile/entries/000: entry 3 with the leaf hash",
    ),
    "bundle cut short": (bent(is_full_bundle, cut_short(10)), "expected tile/entries/000: 256 entries in a bundle"),
    "partial bundle altered": (bent(is_partial_bundle, with_bit_flipped(-20)), "expected tile/entries/005.p/"),
    "tile altered": (bent(is_tile(0, partial=False), with_bit_flipped(40)), "expected tile/0/000 to lead to"),
    "partial tile altered": (
        bent(is_tile(0, partial=True), with_bit_flipped(40)),
        "expected the tiles at the right edge to lead to root",
    ),
    "upper tile altered": (
        bent(is_tile(1, partial=True), with_bit_flipped(40)),
        "expected the tiles at the right edge to lead to root",
    ),
    "tile cut short": (bent(is_tile(0, partial=False), cut_short(32)), "expected tile/0/000: a tile of 8192 bytes"),
}
"""Lies about what is in the signed tree, and the words that name them."""


@pytest.mark.parametrize("name", list(LIES))
def test_a_lie_about_the_tree_is_caught_named_and_kept(honest: Honest, tmp_path: Path, name: str) -> None:
    lie, words = LIES[name]
    with Liar(honest.url, lie) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1, audited.said
    assert words in audited.said
    assert audited.evidence


def checkpoint_by_another_key(honest: Honest) -> bytes:
    key = SigningKey(hashlib.sha256(b"somebody else").digest())
    return sign_checkpoint(honest.checkpoint(), [key])


def checkpoint_of_another_origin(honest: Honest) -> bytes:
    shown = honest.checkpoint()
    return sign_checkpoint(Checkpoint("other.example/log", shown.size, shown.root), [honest.key])


def checkpoint_of_another_tree(honest: Honest) -> bytes:
    shown = honest.checkpoint()
    return sign_checkpoint(replace(shown, root=Hash(hashlib.sha256(b"another").digest())), [honest.key])


@pytest.mark.parametrize("forge", [checkpoint_by_another_key, checkpoint_of_another_origin])
def test_a_checkpoint_that_the_log_did_not_sign_is_caught_and_kept(
    honest: Honest, tmp_path: Path, forge: Callable[[Honest], bytes]
) -> None:
    note = forge(honest)
    with Liar(honest.url, answering("/checkpoint", note)) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1, audited.said
    assert "expected" in audited.said
    assert [path.read_bytes() for path in audited.evidence] == [note]


def test_a_signed_checkpoint_of_a_tree_that_the_log_has_not_is_caught(honest: Honest, tmp_path: Path) -> None:
    note = checkpoint_of_another_tree(honest)
    with Liar(honest.url, answering("/checkpoint", note)) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1, audited.said
    assert "expected the tiles at the right edge to lead to root" in audited.said
    assert [path.read_bytes() for path in (audited.state / "checkpoints").iterdir()] == [note]
    assert audited.evidence


def test_a_rollback_is_caught_though_the_smaller_tree_is_genuine(honest: Honest, tmp_path: Path) -> None:
    assert audit(honest, honest.url, tmp_path / "state").code == 0
    older = honest.forged(honest.entries()).checkpoint(1_000)  # what the log had signed at that size
    with Liar(honest.url, answering("/checkpoint", older)) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1, audited.said
    assert [found["check"] for found in audited.findings] == ["consistency"]
    kept = [path.read_bytes() for path in (audited.state / "checkpoints").iterdir()]
    assert older in kept  # both are there, signed by the log
    assert len(kept) == 2


def test_a_fork_shown_to_one_client_is_caught_by_whoever_saw_the_other(honest: Honest, tmp_path: Path) -> None:
    entries = honest.entries()
    entries[600], entries[601] = entries[601], entries[600]
    assert audit(honest, honest.url, tmp_path / "state").code == 0
    with Liar(honest.url, serving(honest.forged(entries))) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 1, audited.said
    assert [found["check"] for found in audited.findings] == ["consistency"]
    assert [path for path in audited.evidence if path.suffix == ".fork"]


@pytest.mark.parametrize(
    "lie, words",
    [
        (endless_body(is_full_bundle), "expected an answer of at most"),
        (gzip_bomb(is_full_bundle), "expected an answer without content encoding"),
        (redirecting(is_full_bundle, "http://127.0.0.1:9/"), "got a redirect to another place: http://127.0.0.1:9/"),
    ],
    ids=["endless body", "gzip bomb", "redirect"],
)
def test_an_answer_that_is_none_proves_nothing(honest: Honest, tmp_path: Path, lie: Lie, words: str) -> None:
    with Liar(honest.url, lie) as liar:
        audited = audit(honest, liar.url, tmp_path / "state")
    assert audited.code == 3, audited.said
    assert words in audited.said
    assert words in json.dumps(audited.outcome["steps"])  # what the auditor keeps names it too


@pytest.mark.parametrize(
    "lie, words",
    [
        (slow_drip(is_full_bundle), "expected the whole answer in time, got it too slowly"),
        (storming(is_full_bundle), "too many 429"),
        (storming(is_full_bundle, 503), "too many 503"),
    ],
    ids=["slow drip", "429 storm", "503 storm"],
)
def test_patience_has_an_end(honest: Honest, lie: Lie, words: str) -> None:
    patience = Patience(connect_s=5, read_s=5, answer_s=0.3, tries=3, backoff_s=0.001)
    with Liar(honest.url, lie) as liar:
        source = HttpLogSource(liar.url, patience=patience)
        with pytest.raises(UncheckableError, match=words):
            read_bundle(source, BundleId(0), 256)
        source.close()


def test_a_storm_that_passes_is_waited_for(honest: Honest, tmp_path: Path) -> None:
    with Liar(honest.url, storming(is_full_bundle, times=3)) as liar:
        assert audit(honest, liar.url, tmp_path / "state").code == 0


def test_no_more_is_asked_at_once_than_the_connections_that_an_audit_takes(honest: Honest, tmp_path: Path) -> None:
    most: list[int] = []
    with Liar(honest.url, counting(is_full_bundle, CONNECTIONS, most)) as liar:
        assert audit(honest, liar.url, tmp_path / "state").code == 0
    assert max(most) == CONNECTIONS
