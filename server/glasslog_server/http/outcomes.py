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
from glasslog_server.receipts import MAJOR_ARRAY, MAJOR_BYTES, encode_number
from glasslog_server.submissions import Sequenced

_INDEX: Final = cbor2.dumps("index")
_BEGINNINGS: Final = tuple(bytes((0xA2 + more,)) + _INDEX for more in range(3))
"""The head of a map and its first key, by how many of "receipt" and "duplicate" there are."""
_RECEIPT: Final = cbor2.dumps("receipt")
_ENTRY_ID: Final = cbor2.dumps("entry_id") + b"\x58\x20"  # and 32 bytes
_DUPLICATE: Final = cbor2.dumps("duplicate") + cbor2.dumps(True)


def encode_outcomes(outcomes: Sequence[Registered], receipts: Mapping[LeafIndex, bytes], checkpoint: bytes) -> bytes:
    """Return the answer. `receipts` are those that were asked for, by index."""
    parts = [b"\xa2", cbor2.dumps("outcomes"), encode_number(len(outcomes), MAJOR_ARRAY)]
    plain, one_more, two_more = _BEGINNINGS
    receipt_head, receipt_bytes = b"", -1
    for outcome in outcomes:
        if not isinstance(outcome, Sequenced):
            parts.append(cbor2.dumps({"code": code_of(outcome), "problem": encode_concise(outcome)}))
            continue
        number, receipt = encode_number(outcome.index), receipts.get(outcome.index)
        if receipt is not None:
            if len(receipt) != receipt_bytes:  # nearly all are equally long
                receipt_bytes = len(receipt)
                receipt_head = _RECEIPT + encode_number(receipt_bytes, MAJOR_BYTES)
            beginning = two_more if outcome.duplicate else one_more
            parts += (beginning + number + receipt_head, receipt, _ENTRY_ID + outcome.leaf_hash)
        else:
            beginning = one_more if outcome.duplicate else plain
            parts.append(beginning + number + _ENTRY_ID + outcome.leaf_hash)
        if outcome.duplicate:
            parts.append(_DUPLICATE)
    parts += (cbor2.dumps("checkpoint"), encode_bytes(checkpoint))
    return b"".join(parts)
