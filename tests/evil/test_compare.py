"""Gossip: what two people were shown is compared, with real programs and a log that lies to one of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glasslog.merkle import TreeSize
from tests.evil.honest import Honest
from tests.evil.liar import Liar
from tests.evil.lies import answering, bent, is_tile, serving, with_bit_flipped


def glasslog(*arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "glasslog", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


def compared(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(done.stdout)["compared"]
    return told


def test_an_honest_log_shows_everybody_one_tree(honest: Honest, tmp_path: Path) -> None:
    older = honest.forged(honest.entries()).checkpoint(700)  # what the log has once signed, or would have
    (tmp_path / "older").write_bytes(older)
    (tmp_path / "newest").write_bytes(honest.get("checkpoint"))
    done = glasslog("compare", honest.url, "older", "newest", "--log-key", honest.vkey_option, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CONSISTENT: 3 checkpoints are of one tree" in done.stdout
    assert [path.suffix for path in tmp_path.iterdir()] == ["", ""]


def test_a_fork_is_caught_named_and_leaves_evidence(honest: Honest, tmp_path: Path) -> None:
    entries = honest.entries()
    entries[600] = entries[600][:-1] + bytes((entries[600][-1] ^ 1,))
    forged = honest.forged(entries)
    with Liar(honest.url, serving(forged)) as liar:
        places = (honest.url, liar.url)
        done = glasslog("compare", *places, "--log-key", honest.vkey_option, "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    [told, other] = compared(done)
    assert {told["relation"], other["relation"]} == {"consistent", "forked"}
    [evidence] = tmp_path.glob("*.fork")
    shown = glasslog("verify", evidence, "--log-key", honest.vkey_option, cwd=tmp_path)
    assert shown.returncode == 0, shown.stdout
    assert "VERIFIED" in shown.stdout


def test_a_checkpoint_by_another_key_is_not_the_logs(honest: Honest, tmp_path: Path) -> None:
    note = honest.get("checkpoint")
    broken = note[:-5] + (b"AAAA" if note[-5:-1] != b"AAAA" else b"BBBB") + note[-1:]
    with Liar(honest.url, answering("/checkpoint", broken)) as liar:
        done = glasslog("compare", honest.url, liar.url, "--log-key", honest.vkey_option, cwd=tmp_path)
    assert done.returncode == 1
    assert liar.url in done.stderr


def test_a_tree_whose_tiles_are_not_the_signed_ones_proves_nothing(honest: Honest, tmp_path: Path) -> None:
    (tmp_path / "older").write_bytes(honest.forged(honest.entries()).checkpoint(700))
    with Liar(honest.url, bent(is_tile(0, partial=True), with_bit_flipped(3))) as liar:
        done = glasslog("compare", liar.url, "older", "--log-key", honest.vkey_option, cwd=tmp_path)
    assert done.returncode == 1
    assert "expected the tiles at the right edge to lead to root" in done.stderr


def test_files_alone_prove_nothing_about_two_sizes(honest: Honest, tmp_path: Path) -> None:
    forged = honest.forged(honest.entries())
    for size in (700, 900):
        (tmp_path / str(size)).write_bytes(forged.checkpoint(TreeSize(size)))
    done = glasslog("compare", "700", "900", "--log-key", honest.vkey_option, "--json", cwd=tmp_path)
    assert done.returncode == 3
    assert [one["relation"] for one in compared(done)] == ["unproven", "unproven"]


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"PK\3\4 no archive"])
def test_a_file_without_a_checkpoint_is_refused(honest: Honest, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    done = glasslog("compare", "file", "--log-key", honest.vkey_option, cwd=tmp_path)
    assert done.returncode in {1, 3}
    assert "expected" in done.stderr
