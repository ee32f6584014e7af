"""Gossip: what two people were shown is compared, with the real command and a log that lies to one of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from glasslog.merkle import TreeSize
from tests.evil.auditing import Told, audit, glasslog
from tests.evil.honest import Honest
from tests.evil.liar import Liar, no_lie
from tests.evil.lies import answering, bent, is_tile, serving, to_others, with_bit_flipped


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the folder into which evidence is written."""
    monkeypatch.chdir(tmp_path)


def compared(done: Told) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(done.out)["compared"]
    return told


def test_an_honest_log_shows_everybody_one_tree(honest: Honest, tmp_path: Path) -> None:
    older = honest.forged(honest.entries()).checkpoint(700)  # what the log has once signed, or would have
    (tmp_path / "older").write_bytes(older)
    (tmp_path / "newest").write_bytes(honest.get("checkpoint"))
    done = glasslog("compare", honest.url, "older", "newest", "--log-key", honest.vkey_option)
    assert (done.code, done.err) == (0, "")
    assert "CONSISTENT: 3 checkpoints are of one tree" in done.out
    assert [path.suffix for path in tmp_path.iterdir()] == ["", ""]


def test_a_fork_is_caught_named_and_leaves_evidence(honest: Honest, tmp_path: Path) -> None:
    entries = honest.entries()
    entries[600] = entries[600][:-1] + bytes((entries[600][-1] ^ 1,))
    forged = honest.forged(entries)
    with Liar(honest.url, serving(forged)) as liar:
        places = (honest.url, liar.url)
        done = glasslog("compare", *places, "--log-key", honest.vkey_option, "--json")
    assert done.code == 1, done.err
    [told, other] = compared(done)
    assert {told["relation"], other["relation"]} == {"forked"}
    [evidence] = tmp_path.glob("*.fork")
    shown = glasslog("verify", evidence, "--log-key", honest.vkey_option)
    assert shown.code == 0, shown.out
    assert "VERIFIED" in shown.out


def test_a_split_view_that_nobody_can_see_alone_is_caught_by_comparing(honest: Honest, tmp_path: Path) -> None:
    entries = honest.entries()
    entries[600], entries[601] = entries[601], entries[600]  # both genuine: each view is perfect in itself
    (tmp_path / "token").write_text("one-client")
    one_client = ("--token-file", tmp_path / "token")
    split = to_others(serving(honest.forged(entries)), no_lie, asked_by=lambda asked: "Authorization" in asked.headers)
    with Liar(honest.url, split) as liar:
        for state, options in (("one", one_client), ("others", ())):
            audited = audit(honest, liar.url, tmp_path / state, "--checks", "tree,consistency,signature", *options)
            assert audited.code == 0, audited.said
            assert audited.findings == []
    done = glasslog("compare", "one", "others", "--log-key", honest.vkey_option)
    assert done.code == 1, done.out
    assert "FORK" in done.out.upper()
    [evidence] = tmp_path.glob("*.fork")
    assert glasslog("verify", evidence, "--log-key", honest.vkey_option).code == 0


def test_a_checkpoint_by_another_key_is_not_the_logs(honest: Honest, tmp_path: Path) -> None:
    note = honest.get("checkpoint")
    broken = note[:-5] + (b"AAAA" if note[-5:-1] != b"AAAA" else b"BBBB") + note[-1:]
    with Liar(honest.url, answering("/checkpoint", broken)) as liar:
        done = glasslog("compare", honest.url, liar.url, "--log-key", honest.vkey_option)
    assert done.code == 1
    assert liar.url in done.err


def test_a_tree_whose_tiles_are_not_the_signed_ones_proves_nothing(honest: Honest, tmp_path: Path) -> None:
    (tmp_path / "older").write_bytes(honest.forged(honest.entries()).checkpoint(700))
    with Liar(honest.url, bent(is_tile(0, partial=True), with_bit_flipped(3))) as liar:
        done = glasslog("compare", liar.url, "older", "--log-key", honest.vkey_option)
    assert done.code == 1
    assert "expected the tiles at the right edge to lead to root" in done.err


def test_files_alone_prove_nothing_about_two_sizes(honest: Honest, tmp_path: Path) -> None:
    forged = honest.forged(honest.entries())
    for size in (700, 900):
        (tmp_path / str(size)).write_bytes(forged.checkpoint(TreeSize(size)))
    done = glasslog("compare", "700", "900", "--log-key", honest.vkey_option, "--json")
    assert done.code == 3
    assert [one["relation"] for one in compared(done)] == ["unproven", "unproven"]


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"PK\3\4 no archive"])
def test_a_file_without_a_checkpoint_is_refused(honest: Honest, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    done = glasslog("compare", "file", "--log-key", honest.vkey_option)
    assert done.code in {1, 3}
    assert "expected" in done.err
