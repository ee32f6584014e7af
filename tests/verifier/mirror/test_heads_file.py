"""The file of kept heads: whatever a kill or a disk left is mended, and opening it costs what is new."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.heads import KeptHead, decode_heads, encode_heads
from glasslog.heads import decode_head as decode_one
from glasslog.limits import HEAD_BYTES_MAX
from glasslog.merkle import Hash, TreeSize
from glasslog.mirror import heads_file
from glasslog.mirror.heads_file import HeadsFile
from glasslog.sources import head_stream
from glasslog.sources.directory import DirectorySource
from glasslog.sources.head_index import HEADS_APART, HEADS_INDEX
from glasslog.verify import Verdict
from tests.verifier.mirror.sources import audit_http, files_of, serve_files
from tests.verifier.mirror.written_log import new_log

COUNT = 12 * HEADS_APART + 7
HEADS = [KeptHead(TreeSize(3 * number), Hash(bytes(32)), bytes(number % 200), bytes(64)) for number in range(1, COUNT)]
ENCODED = encode_heads(HEADS)


def write_all(folder: Path, at_once: int = 64) -> HeadsFile:
    file = HeadsFile(folder / "heads")
    for start in range(0, len(HEADS), at_once):
        file.append(HEADS[start : start + at_once])
    return file


def heads_from(folder: Path, start: int) -> Iterator[KeptHead]:
    return DirectorySource(folder).heads(TreeSize(start))


@given(st.lists(st.integers(1, 3 * HEADS_APART), max_size=8))
def test_heads_come_back_whatever_they_were_added_by(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, added = Path(name), 0
        for count in counts:
            file = HeadsFile(folder / "heads")
            assert file.last == (HEADS[added - 1].size if added else 0)
            file.append(HEADS[added : added + count])
            added = min(added + count, len(HEADS))
        if added:
            assert list(heads_from(folder, 0)) == HEADS[:added]
            assert (folder / "heads").read_bytes() == encode_heads(HEADS[:added])


@given(st.integers(0, 3 * COUNT))
def test_reading_from_any_size_gives_what_reading_all_gives(start: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_all(Path(name))
        assert list(heads_from(Path(name), start)) == [head for head in HEADS if head.size >= start]


@given(
    st.integers(0, len(ENCODED)),
    st.integers(0, 12 * 16),
    st.binary(max_size=40),
    st.integers(0, 3 * COUNT),
)
def test_no_index_and_no_end_of_the_file_is_believed(cut: int, kept: int, rest: bytes, start: int) -> None:
    """The file lost its end, the index anything from an entry to everything, and has something else behind it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_all(folder)
        (folder / "heads").write_bytes(ENCODED[:cut])
        index = (folder / HEADS_INDEX).read_bytes()
        (folder / HEADS_INDEX).write_bytes(index[:kept] + rest)
        file = HeadsFile(folder / "heads")
        whole = [head for head in HEADS if head.size <= file.last]
        assert (folder / "heads").read_bytes() == encode_heads(whole)
        assert cut - len(encode_heads(whole)) < HEAD_BYTES_MAX
        file.append(HEADS[len(whole) :])
        assert list(heads_from(folder, start)) == [head for head in HEADS if head.size >= start]
        assert HeadsFile(folder / "heads").last == HEADS[-1].size


class _Counting:
    """Count the bytes that are read and the heads that are decoded."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.octets = self.heads = 0
        decode = decode_one
        measure = head_stream.measure_heads

        def decode_head(data: bytes) -> KeptHead:
            self.heads += 1
            return decode(data)

        def measure_heads(file: BinaryIO) -> Iterator[tuple[KeptHead, int]]:
            before = file.tell()
            yield from measure(file)
            self.octets += file.tell() - before

        patch.setattr(head_stream, "decode_head", decode_head)
        for module in (head_stream, heads_file):
            patch.setattr(module, "measure_heads", measure_heads)


def test_a_poll_costs_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(tmp_path)
    counting = _Counting(monkeypatch)
    newest = HEADS[-1].size
    file = HeadsFile(tmp_path / "heads")
    file.append([KeptHead(TreeSize(newest + 1), Hash(bytes(32)), b"", bytes(64))])
    assert [head.size for head in heads_from(tmp_path, newest + 1)] == [newest + 1]
    assert 0 < counting.heads <= 2 * HEADS_APART + 1
    assert counting.octets <= counting.heads * 320
    (tmp_path / HEADS_INDEX).unlink()  # and without the index everything is read, once
    counting.heads = 0
    HeadsFile(tmp_path / "heads")
    assert counting.heads == len(HEADS) + 1
    HeadsFile(tmp_path / "heads")
    assert counting.heads <= len(HEADS) + 1 + HEADS_APART


def test_damage_that_the_index_hides_is_mended_by_the_audit_after_the_one_that_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads_file, "HEADS_APART", 1)
    log = new_log().grow(900)
    honest = serve_files(files_of(log))
    assert audit_http(log, honest, tmp_path).verdict is Verdict.VERIFIED
    heads = (tmp_path / "heads").read_bytes()
    second = len(decode_heads(heads)[0].encode())
    (tmp_path / "heads").write_bytes(heads[:second] + b"\xff" + heads[second + 1 :])
    (tmp_path / "audit.sqlite").unlink()
    assert audit_http(log, honest, tmp_path).verdict is not Verdict.VERIFIED
    assert audit_http(log, honest, tmp_path).verdict is Verdict.VERIFIED
    assert (tmp_path / "heads").read_bytes() == heads
