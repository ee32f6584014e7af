"""Records for filling a log quickly: each is a real Signed Statement in every byte but its signature.

A statement is signed once for each issuer; then identifiers, digests, subject and sequence number are replaced by fresh
ones of the same length. So every entry is unique, decodes and passes the schema, and compresses as real ones do.
"""

import random
from collections.abc import Mapping

from benchmarks.corpus import sign_corpus
from glasslog.keys import SigningKey
from glasslog.merkle import hash_leaf
from glasslog.records import decode_record, encode_record
from glasslog.statement import SignedStatement, sign_statement
from glasslog_server.core.round import Candidate

_SEQ_FIRST = 2**31  # from here on all numbers have one length in CBOR
_DIGESTS = 3
_UUID_BYTES = 16


class RecordSource:
    """Make candidates of one issuer: 1 KB each, one stream, numbered without gaps."""

    def __init__(self, issuer: str, key: SigningKey, seed: int) -> None:
        """Sign the statement that all others are made from."""
        self._rng = random.Random(seed)
        statement = _sign_template(issuer, key, seed)
        record = decode_record(statement.payload)
        self._seq = _SEQ_FIRST
        self._made = Candidate.of_statement(statement, record)
        digests = [record.fields["commitments"][name] for name in ("input", "output")] + [record.stream.prev]
        varied = [record.id, *digests, statement.subject.encode(), b"\x1a" + _SEQ_FIRST.to_bytes(4, "big")]
        places = sorted((statement.entry.index(value), value, kind) for kind, value in enumerate(varied))
        self._order = [kind for _, _, kind in places]
        self._between: list[bytes] = []
        end = 0
        for place, value, _ in places:
            self._between.append(statement.entry[end:place])
            end = place + len(value)
        self._behind = statement.entry[end:]
        self._id = record.id

    def make(self, count: int) -> list[Candidate]:
        """Return the next `count` candidates. Costs some 5 us each."""
        return [self._next() for _ in range(count)]

    def _next(self) -> Candidate:
        made, seq = self._made, self._seq
        self._seq += 1
        chance = self._rng.randbytes(_DIGESTS * 32 + 2 * _UUID_BYTES)
        digests = [chance[start : start + 32] for start in range(0, _DIGESTS * 32, 32)]
        record_id = chance[96:102] + self._id[6:9] + chance[102:109]
        digits = chance[-_UUID_BYTES:].hex()
        subject = f"urn:uuid:{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        values = [record_id, *digests, subject.encode(), b"\x1a" + seq.to_bytes(4, "big")]
        parts = [
            part for kind, before in zip(self._order, self._between, strict=True) for part in (before, values[kind])
        ]
        entry = b"".join([*parts, self._behind])
        stream = None if made.stream is None else (made.stream[0], seq)
        return made._replace(entry=entry, leaf_hash=hash_leaf(entry), subject=subject, stream=stream)


def _sign_template(issuer: str, key: SigningKey, seed: int) -> SignedStatement:
    statement = list(sign_corpus({issuer: key}, 2, seed))[1]
    fields = dict(decode_record(statement.payload).fields)
    fields["stream"] = {**fields["stream"], "seq": _SEQ_FIRST}
    return sign_statement(key, issuer=issuer, subject=statement.subject, payload=encode_record(fields))


def sources(keys: Mapping[str, SigningKey], seed_first: int = 0) -> list[RecordSource]:
    """Return a source for each issuer, with seeds from `seed_first` on."""
    return [RecordSource(issuer, key, seed) for seed, (issuer, key) in enumerate(keys.items(), seed_first)]
