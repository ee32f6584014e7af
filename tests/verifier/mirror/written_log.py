"""A log that is written as files: entries of several issuers, the operator's entries among them, and heads as told.

It is made from the writing half of the formats and the naive tree, and shares no code with what reads it. Its parts can
be made wrong one by one.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.cose import signed_bytes
from glasslog.heads import KeptHead, encode_heads
from glasslog.keys import SigningKey
from glasslog.merkle import Hash, TreeSize
from glasslog.receipt import encode_receipt_header
from glasslog.records import encode_record
from glasslog.statement import SignedStatement, sign_statement
from glasslog.tiles import BundleId, TileId, bundle_path, encode_bundle, tile_path, tile_width
from tests.verifier.evidence import TIME_MS, TIME_S, Ledger, inference_body, record_fields, signing_key
from tests.verifier.trees import NaiveTree

ISSUERS = tuple(f"https://{name}.example" for name in ("clinic", "bank", "court"))


def key_of(issuer: str) -> SigningKey:
    return signing_key(f"issuer {issuer}")


class WrittenLog(Ledger):
    """A ledger whose entries come from several issuers, with the tree heads that were signed along the way."""

    def __init__(self, *, origin: str = "log.example/2025") -> None:
        super().__init__(origin=origin)
        self.heads_at: list[tuple[int, int]] = []
        self._streams: dict[str, tuple[int, Hash | None]] = {}
        self._subtrees: dict[int, NaiveTree] = {}

    # ------------------------------------------------------------------------------------------------------- growing

    def sign_head(self, time: int | None = None) -> None:
        """Close a round: entries so far are covered by a head of this time, by default a second after the last one."""
        last = self.heads_at[-1][1] if self.heads_at else TIME_S
        self.heads_at.append((self.size, last + 1 if time is None else time))

    def decide(self, issuer: str, *, key: SigningKey | None = None, **more: object) -> SignedStatement:
        """Append the next record of an issuer's stream."""
        seq, prev = self._streams.get(issuer, (0, None))
        fields = record_fields("inference", inference_body(), seq=seq, **more)
        fields["id"] = _uuid7(f"{issuer} {seq}")
        fields["time"] = TIME_MS + seq
        fields["body"]["guardrails"][0]["started"] = TIME_MS + seq
        if prev is not None:
            fields["stream"]["prev"] = prev
        subject = f"urn:uuid:{_uuid(f'{issuer} {seq}')}"
        payload = encode_record(fields)
        statement = sign_statement(key or key_of(issuer), issuer=issuer, subject=subject, payload=payload)
        self._streams[issuer] = seq + 1, statement.leaf_hash
        self.append(statement)
        return statement

    def grow(self, count: int, every: int = 50) -> "WrittenLog":
        """Append records of all issuers in turn, with a head after every so many."""
        for number in range(count):
            self.decide(ISSUERS[number % len(ISSUERS)])
            if (number + 1) % every == 0:
                self.sign_head()
        if self.heads_at[-1][0] != self.size:
            self.sign_head()
        return self

    # ------------------------------------------------------------------------------------------------------- what it is

    def naive(self) -> NaiveTree:
        if self.size not in self._subtrees:
            self._subtrees = {self.size: self.tree()}
        return self._subtrees[self.size]

    def note(self, size: int | None = None) -> bytes:
        count = self.size if size is None else size
        return sign_checkpoint(Checkpoint(self.origin, TreeSize(count), self.naive().root(count)), [self.log_key])

    def kept_head(self, size: int, time: int) -> KeptHead:
        issuer, root = operator_issuer(self.origin), self.naive().root(size)
        protected = encode_receipt_header(self.log_key.public_key, issuer=issuer, subject=issuer, time=time)
        return KeptHead(TreeSize(size), root, protected, self.log_key.sign(signed_bytes(protected, root)))

    def kept_heads(self) -> list[KeptHead]:
        return [self.kept_head(size, time) for size, time in self.heads_at]

    def files(self, size: int | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of the static layout of the tree of a size that has a head."""
        count = TreeSize(self.size if size is None else size)
        yield "checkpoint", self.note(count)
        yield "heads", encode_heads(head for head in self.kept_heads() if head.size <= count)
        for level in range(3):
            for index in range(-(-(count >> (8 * level)) // 256)):
                tile = TileId(level, index)
                if width := tile_width(tile, count):
                    yield tile_path(tile, width), b"".join(self.tile(tile, width))
                    if level == 0:
                        entries = [statement.entry for statement in self.entries[index * 256 : index * 256 + width]]
                        yield bundle_path(BundleId(index), width), encode_bundle(entries)

    def tile(self, tile: TileId, width: int) -> Sequence[Hash]:
        span, first = 256**tile.level, tile.index * 256
        root: Callable[[int, int], Hash] = self.naive()._subtree  # noqa: SLF001
        return [root(number * span, (number + 1) * span) for number in range(first, first + width)]

    def write(self, folder: Path, size: int | None = None) -> Path:
        for name, data in self.files(size):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    @cached_property
    def log_key_text(self) -> str:
        return str(self.vkey)


def new_log(*, origin: str = "log.example/2025") -> WrittenLog:
    """Return a log with its policy and the keys of all issuers."""
    log = WrittenLog(origin=origin)
    log.state_policy()
    log.sign_head()
    for issuer in ISSUERS:
        log.register(key_of(issuer).public_key, issuer)
    log.sign_head()
    return log


def _uuid7(name: str) -> bytes:
    octets = bytearray(hashlib.sha256(name.encode()).digest()[:16])
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    return bytes(octets)


def _uuid(name: str) -> str:
    text = hashlib.sha256(name.encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"
