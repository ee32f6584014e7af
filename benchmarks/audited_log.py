"""The log that is audited in a benchmark: three honest vendors, and records of 1 KB each on average.

Written as an operator's log is, entry by entry, with a policy, registrations of issuers and a signed tree head for each
round of some thousand entries, and packed into an archive. Each vendor signs in a process of its own; a round is
anchored at the tree head of the round before the last, so that vendors sign while the log is written. What comes out
depends on the number of records alone.
"""

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from benchmarks.figures import say
from benchmarks.vendor import ROUND_MS, START_MS, Anchor, Vendor
from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.cose import signed_bytes
from glasslog.heads import KeptHead, encode_heads
from glasslog.keys import SigningKey
from glasslog.merkle import Hash, TreeSize, hash_leaf
from glasslog.mirror.export import write_archive
from glasslog.mirror.progress import Silence
from glasslog.receipt import encode_receipt_header
from glasslog.records import RECORD_TYPES, LogPolicy, Stream
from glasslog.sources.directory import DirectorySource
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement
from glasslog.subtrees import fold, push, pyramid
from glasslog.tiles import BundleId, TileId, bundle_path, encode_bundle, encode_tile, tile_path
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.genesis import sign_policy, sign_policy_record

ENTRY_BYTES: Final = 1_024
"""What an entry is to have on average: what the yardstick verifies has as many."""
ENTRY_BYTES_OFF_MAX: Final = 30

_ORIGIN = "log.example/benchmark"
_VENDORS = 3
_SHARE = 333  # records of a vendor in a round
_ROUNDS_AHEAD = 2  # that are signed before the round before them is in the log

_vendor: Vendor  # of a process that signs


@dataclass(frozen=True, slots=True)
class AuditedLog:
    """An archive, the key of its log, how many entries it has, and how many bytes one has on average."""

    archive: Path
    key: VerifierKey
    entries: int
    entry_bytes: float


def make_log(folder: Path, entries: int) -> AuditedLog:
    """Write the archive of a log of so many entries in the folder."""
    say(f"a log of {entries:,} records")
    log_key, operator = SigningKey(b"l" * 32), SigningKey(b"o" * 32)
    writer = _Writer(folder / "log", log_key)
    for statement in _operator_entries(operator, log_key, [Vendor(number) for number in range(_VENDORS)]):
        writer.add(statement.entry)
    writer.sign(START_MS // 1_000)
    for number, signed in enumerate(_rounds(writer, entries - writer.size)):
        for entry in signed:
            writer.add(entry)
        writer.sign((START_MS + (number + 1) * ROUND_MS) // 1_000)
    note, head = writer.finish()
    archive = folder / "log.zip"
    write_archive(archive, DirectorySource(folder / "log"), (note, head), [], Silence())
    shutil.rmtree(folder / "log")
    made = AuditedLog(archive, VerifierKey(_ORIGIN, TYPE_ED25519, log_key.public_key), head.size, writer.entry_bytes)
    assert made.entries == entries
    assert abs(made.entry_bytes - ENTRY_BYTES) <= ENTRY_BYTES_OFF_MAX, made.entry_bytes
    return made


def _operator_entries(operator: SigningKey, log_key: SigningKey, vendors: list[Vendor]) -> Iterator[SignedStatement]:
    policy = LogPolicy(
        origin=_ORIGIN,
        operator_key=operator.public_key,
        log_keys=(log_key.public_key,),
        content_types=frozenset({CONTENT_TYPE_RECORD}),
        record_types=RECORD_TYPES - {"log-policy", "issuer-registration"},
        entry_bytes_max=65_535,
        entries_access="public",
    )
    number = bytes.fromhex("018bcfe5680070008000000000000000")
    statement = sign_policy(operator, policy, record_id=number, time_ms=START_MS)
    yield statement
    for seq, vendor in enumerate(vendors, start=1):
        body = {"action": "register", "issuer": vendor.issuer, "key": vendor.key.public_key.raw, "valid_from": 0}
        place = Stream("log-policy", seq, statement.leaf_hash)
        record_id = number[:-1] + bytes([seq])
        statement = sign_policy_record(
            operator, _ORIGIN, place, "issuer-registration", body, record_id=record_id, time_ms=START_MS
        )
        yield statement


# ------------------------------------------------------------------------------------------------------------- vendors


def _rounds(writer: "_Writer", records: int) -> Iterator[Iterator[bytes]]:
    """Yield rounds of entries, of the vendors in turn, to be written before the next is asked for."""
    with ExitStack() as stack:
        pools = [stack.enter_context(_pool(number)) for number in range(_VENDORS)]
        ahead: deque[list[Future[list[bytes]]]] = deque()
        for number, counts in enumerate(_shares(records)):
            if len(ahead) == _ROUNDS_AHEAD:
                yield _in_turn(ahead.popleft())
            anchor = writer.anchor
            ahead.append([pool.submit(_sign, number, count, anchor) for pool, count in zip(pools, counts, strict=True)])
        yield from map(_in_turn, ahead)


def _shares(records: int) -> Iterator[list[int]]:
    """Yield how many records each vendor has in each round."""
    while records:
        taken = min(records, _SHARE * _VENDORS)
        yield [len(range(number, taken, _VENDORS)) for number in range(_VENDORS)]
        records -= taken


def _in_turn(signed: list[Future[list[bytes]]]) -> Iterator[bytes]:
    columns = [future.result() for future in signed]
    return (entry for entry in chain.from_iterable(zip_longest(*columns)) if entry is not None)


def _pool(number: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), _begin, (number,))


def _begin(number: int) -> None:
    global _vendor  # noqa: PLW0603  this process signs for one vendor
    _vendor = Vendor(number)


def _sign(number: int, count: int, anchor: Anchor) -> list[bytes]:
    return _vendor.round(number, count, anchor)


# ------------------------------------------------------------------------------------------------------------- the log


class _Writer:
    """Write entries as tiles and bundles, and sign tree heads."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self._folder, self._key = folder, key
        self._frontier: list[Hash] = []
        self._levels: list[list[Hash]] = [[], [], []]  # hashes that fill no tile yet
        self._entries: list[bytes] = []
        self._heads: list[KeptHead] = []
        self._bytes = 0
        self.size = 0

    @property
    def anchor(self) -> Anchor:
        """The newest signed tree."""
        return self._heads[-1].size, self._heads[-1].root

    @property
    def entry_bytes(self) -> float:
        """The mean size of an entry."""
        return self._bytes / self.size

    def add(self, entry: bytes) -> None:
        leaf = hash_leaf(entry)
        push(self._frontier, self.size, leaf)
        self.size += 1
        self._bytes += len(entry)
        self._entries.append(entry)
        self._levels[0].append(leaf)
        if len(self._entries) == 256:
            self._write(bundle_path(BundleId(self.size // 256 - 1)), encode_bundle(self._entries))
            self._entries = []
            self._write_full_tiles()

    def _write_full_tiles(self) -> None:
        for level, hashes in enumerate(self._levels):
            if len(hashes) < 256:
                break
            self._write_tile(TileId(level, self.size // 256 ** (level + 1) - 1), hashes)
            if level + 1 < len(self._levels):
                self._levels[level + 1].append(pyramid(hashes)[-1][0])
            self._levels[level] = []

    def sign(self, time_s: int) -> None:
        root, issuer = fold(self._frontier), operator_issuer(_ORIGIN)
        protected = encode_receipt_header(self._key.public_key, issuer=issuer, subject=issuer, time=time_s)
        signature = self._key.sign(signed_bytes(protected, root))
        self._heads.append(KeptHead(TreeSize(self.size), root, protected, signature))

    def finish(self) -> tuple[bytes, Checkpoint]:
        """Write what is not full, and return the signed note of the newest tree head."""
        if self._entries:
            self._write(bundle_path(BundleId(self.size // 256), len(self._entries)), encode_bundle(self._entries))
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._write_tile(TileId(level, self.size // 256 ** (level + 1)), hashes)
        self._write("heads", encode_heads(self._heads))
        head = Checkpoint(_ORIGIN, TreeSize(self.size), fold(self._frontier))
        return sign_checkpoint(head, [self._key]), head

    def _write_tile(self, tile: TileId, hashes: Sequence[Hash]) -> None:
        self._write(tile_path(tile, len(hashes)), encode_tile(hashes))

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
