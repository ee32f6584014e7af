"""Spools in folders, and records that go into them."""

from pathlib import Path
from typing import Any

from glasslog.records import decode_record
from glasslog.statement import decode_statement
from glasslog_issuer import Body, Bounds, SignedRecord
from glasslog_issuer.record import RecordSigner
from glasslog_issuer.spool import Spool
from glasslog_issuer.spool import segments as segment_files
from tests.issuer.parties import MODEL
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM

SIGNER = RecordSigner(ISSUER, ISSUER_KEY, system=SYSTEM, env="test")
SMALL = Bounds(segment_bytes=2_000)
"""Segments of a few records."""
MODEL_FIELDS = {"name": "m", "version": "1", "kind": "hosted", "publisher": "p", "assurance": "self-asserted"}


def open_spool(folder: Path, **settings: Any) -> Spool:  # noqa: ANN401  whatever Spool.open takes
    return Spool.open(folder, **{"issuer": ISSUER, "stream": "decisions", "bounds": SMALL, **settings})


def add(spool: Spool, body: Body = MODEL, *, timeout_s: float | None = 0.0) -> SignedRecord:
    """Record: sign, and wait until it is kept."""
    unplaced = SIGNER.prepare(body)
    signed, batch = spool.add(lambda place: SIGNER.sign_prepared(place, unplaced), timeout_s=timeout_s)
    spool.commit(batch)
    return signed


def check_chain(entries: list[bytes], *, first_seq: int = 0) -> None:
    """Check that entries are a stream without gaps, each naming the one before it."""
    prev = None
    for seq, entry in enumerate(entries, start=first_seq):
        statement = decode_statement(entry)
        place = decode_record(statement.payload).stream
        assert place.seq == seq
        assert place.prev == prev or seq == first_seq
        prev = statement.leaf_hash


def unsent(spool: Spool) -> list[bytes]:
    return [entry for _, entry in spool.read_unsent(1_000_000)]


def entries_of(records: list[SignedRecord]) -> list[bytes]:
    return [signed.statement.entry for signed in records]


def segments(folder: Path) -> list[Path]:
    return [name.path for name in segment_files.segments(folder)]
