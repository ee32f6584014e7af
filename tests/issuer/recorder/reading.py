"""What a real log says about a stream, read over its public calls."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from glasslog.merkle import Hash
from glasslog.records import Record, decode_record
from glasslog.sources.http import ENTRY_FORMS, HttpLog
from glasslog.statement import SignedStatement, decode_statement
from tests.issuer.real_log import ISSUER, RealLog


@dataclass(frozen=True)
class Logged:
    """An entry of a stream: what the log says of it, and the statement itself."""

    seq: int
    index: int
    statement: SignedStatement

    @property
    def record(self) -> Record:
        return decode_record(self.statement.payload)


def read_stream(log: RealLog, stream: str) -> list[Logged]:
    """Return all entries of a stream, as its pages have them."""
    source = HttpLog(log.url)
    try:
        return [_logged(source, entry) for entry in _entries(log, stream)]
    finally:
        source.close()


def check_stream(log: RealLog, stream: str) -> list[Logged]:
    """Return all entries of a stream after checking that there is no gap, no repetition, and no broken chain."""
    entries = read_stream(log, stream)
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    assert len({entry.index for entry in entries}) == len(entries)
    prev = None
    for entry in entries:
        place = entry.record.stream
        assert (place.id, place.seq, place.prev) == (stream, entry.seq, prev)
        prev = entry.statement.leaf_hash
    return entries


def _entries(log: RealLog, stream: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    following: int | None = 0
    with urllib3.PoolManager() as pool:
        while following is not None:
            query = f"issuer={quote(ISSUER, safe='')}&stream={quote(stream, safe='')}&from={following}&limit=1000"
            answer = pool.request("GET", f"{log.url}/streams?{query}")
            assert answer.status == 200
            page = json.loads(answer.data)
            entries.extend(page["entries"])
            following = page.get("next")
    return entries


def _logged(source: HttpLog, entry: dict[str, Any]) -> Logged:
    data = source.entry(Hash(bytes.fromhex(entry["entry_id"])), ENTRY_FORMS["statement"])
    return Logged(entry["seq"], entry["index"], decode_statement(data))
