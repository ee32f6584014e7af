"""Write the answer to a batch: what became of each statement, and the checkpoint that all of it is in.

    {"outcomes": [{"index": n, ?"receipt": bytes, "entry_id": bytes 32, ?"duplicate": true} /
                  {"code": text, "problem": {-1: title, -2: detail}}], "checkpoint": note}

Deterministic CBOR. What is nearly always the same of an outcome is written as bytes, not by an encoder.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import cbor2

from glasslog.cose import encode_bytes
from glasslog.merkle import LeafIndex
from glasslog_server.http.problems import code_of, encode_concise
from glasslog_server.http.registration import Registered
from glasslog_server.submissions import Sequenced

_INDEX: Final = cbor2.dumps("index")
_RECEIPT: Final = cbor2.dumps("receipt")
_ENTRY_ID: Final = cbor2.dumps("entry_id") + b"\x58\x20"  # and 32 bytes
_DUPLICATE: Final = cbor2.dumps("duplicate") + cbor2.dumps(True)
_MAPS: Final = (b"\xa2", b"\xa3", b"\xa4")  # by how many of "receipt" and "duplicate" there are


def encode_outcomes(outcomes: Sequence[Registered], receipts: Mapping[LeafIndex, bytes], checkpoint: bytes) -> bytes:
    """Return the answer. `receipts` are those that were asked for, by index."""
    parts = [b"\xa2", cbor2.dumps("outcomes"), _array_head(len(outcomes))]
    for outcome in outcomes:
        if not isinstance(outcome, Sequenced):
            parts.append(cbor2.dumps({"code": code_of(outcome), "problem": encode_concise(outcome)}))
            continue
        receipt = receipts.get(outcome.index)
        parts += (_MAPS[(receipt is not None) + outcome.duplicate], _INDEX, cbor2.dumps(outcome.index))
        if receipt is not None:
            parts += (_RECEIPT, encode_bytes(receipt))
        parts += (_ENTRY_ID, outcome.leaf_hash)
        if outcome.duplicate:
            parts.append(_DUPLICATE)
    parts += (cbor2.dumps("checkpoint"), encode_bytes(checkpoint))
    return b"".join(parts)


def _array_head(length: int) -> bytes:
    """Return the head of an array: that of the number, with another major type (RFC 8949 section 3)."""
    head = bytearray(cbor2.dumps(length))
    head[0] |= 0x80
    return bytes(head)
