"""The PyPI package tlog-scales reads the log over HTTP: checkpoint, tiles and entries, and makes proofs of them.

It blocks, so it runs in a thread beside the event loop that serves it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

from glasslog.merkle import TreeSize
from glasslog.tlog_proof import decode_tlog_proof
from tests.interop.conftest import SIZES
from tests.server.http.running_log import RunningLog

pytestmark = pytest.mark.interop


@contextmanager
def reading(url: str) -> Iterator[TilesReader]:
    backend = HttpBackend(url)
    try:
        yield TilesReader(backend)
    finally:
        backend.session.close()


def read_everything(url: str, vkey: str) -> list[bytes]:
    """Read the newest checkpoint and every entry, and check all of them against each other."""
    with reading(url) as reader:
        checkpoint = reader.get_checkpoint()
        checkpoint.verify(Vkey.from_string(vkey))
        assert reader.calculate_root_hash() == checkpoint.root_hash
        entries = [reader.get_entry(index) for index in range(checkpoint.size)]
        for index in (0, 1, 254, 255, 256, 257, 511, 512, checkpoint.size - 1):
            proof = reader.get_inclusion_proof(index, checkpoint.size)
            proof.check(leaf_hash(entries[index]), checkpoint.root_hash)
        return entries


async def test_it_reads_every_entry_and_proves_them(log: RunningLog) -> None:
    entries = await asyncio.to_thread(read_everything, log.url, str(log.vkey))
    assert entries == await log.log.reader.store.read_entries(0, log.size)  # type: ignore[arg-type]


async def test_it_reads_at_every_size_that_was_published(log: RunningLog) -> None:
    heads = [await log.log.reader.head_of_size(TreeSize(size)) for size in SIZES]

    def read() -> None:
        with reading(log.url) as reader:
            newest = reader.get_checkpoint()
            for head in heads:
                assert head is not None
                older = Checkpoint.from_text(head.note.decode())
                older.verify(Vkey.from_string(str(log.vkey)))
                proof = reader.get_consistency_proof(older.size, newest.size)
                proof.check(older.root_hash, newest.root_hash)
            for head in heads:  # partial tiles of older trees, also those that are full by now
                assert head is not None
                with reading(log.url) as at_head:
                    at_head.set_size(head.size)
                    assert at_head.calculate_root_hash() == head.root
                    assert at_head.get_entry(head.size - 1)

    await asyncio.to_thread(read)


async def test_our_proofs_are_the_ones_that_it_makes(log: RunningLog) -> None:
    indexes = (0, 255, 256, 599)

    def prove() -> list[list[bytes]]:
        with reading(log.url) as reader:
            checkpoint = reader.get_checkpoint()
            return [reader.get_inclusion_proof(index, checkpoint.size).node_hashes for index in indexes]

    made = await asyncio.to_thread(prove)
    for index, path in zip(indexes, made, strict=True):
        [entry] = await log.log.reader.store.read_entries(index, index + 1)  # type: ignore[arg-type]
        [leaf] = [leaf_hash(entry)]
        ours = decode_tlog_proof((await log.get(f"/entries/{leaf.hex()}?format=tlog-proof")).body)
        assert (ours.index, list(ours.path)) == (index, path)
