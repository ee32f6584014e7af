"""What a faulty log may be scripted to say."""

import dataclasses
from collections.abc import Callable
from typing import Any

import cbor2

from glasslog.errors import GlasslogError, MismatchError, ProofError, SignatureError, UnknownKeyError
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.statement import decode_statement
from glasslog_issuer import Client
from tests.issuer.faulty_log import CBOR, COSE, FaultyLog, Got, Reply, Script, batch, honest
from tests.issuer.parties import statements
from tests.verifier.evidence import STRANGER_KEY, Ledger

Connect = Callable[..., Client]
"""What makes a client of a log; further arguments are the client's."""

STATEMENTS = statements(5)
STATEMENT = STATEMENTS[0]

# Receipts for STATEMENT that do not hold.


def receipt_of_another_entry(log: FaultyLog, _: Got) -> Reply:
    log.register(STATEMENT)
    return Reply(201, COSE, log.ledger.receipt(1))


def receipt_by_another_log(_: FaultyLog, got: Got) -> Reply:
    other = Ledger(log_key=STRANGER_KEY)
    other.state_policy()
    return Reply(201, COSE, other.receipt(other.append(decode_statement(got.body))))


def receipt_in_another_name(log: FaultyLog, _: Got) -> Reply:
    index = log.register(STATEMENT)
    return Reply(201, COSE, log.ledger.receipt(index, issuer="https://other.example"))


def receipt_with_another_path(log: FaultyLog, _: Got) -> Reply:
    receipt = decode_receipt(log.ledger.receipt(log.register(STATEMENT)))
    assert isinstance(receipt.proof, InclusionProof)
    shorter = dataclasses.replace(receipt.proof, path=receipt.proof.path[:-1])
    return Reply(201, COSE, dataclasses.replace(receipt, proof=shorter).encode())


LIES: list[tuple[Script, type[GlasslogError]]] = [
    (receipt_of_another_entry, SignatureError),
    (receipt_by_another_log, UnknownKeyError),
    (receipt_in_another_name, MismatchError),
    (receipt_with_another_path, ProofError),
]


# Batches with something wrong in them.


def spoil(place: int, **changes: Any) -> Script:  # noqa: ANN401  whatever CBOR can hold
    """Return a reply that changes the outcome at a place; None takes a field away."""

    def change(number: int, item: dict[str, Any]) -> dict[str, Any]:
        merged = {**item, **changes} if number == place else item
        return {name: value for name, value in merged.items() if value is not None}

    return lambda log, got: batch(log, got, change)


def refuse(place: int, title: str) -> Script:
    unknown = {-1: title, -2: "expected a key registered for it"}
    changes = {"index": None, "entry_id": None, "receipt": None, "problem": unknown, "code": "unknown_key"}
    return spoil(place, **changes)


def answer_with(**changes: Any) -> Script:  # noqa: ANN401  whatever CBOR can hold
    def reply(log: FaultyLog, got: Got) -> Reply:
        answer = {**cbor2.loads(honest(log, got).body), **changes}
        return Reply(200, CBOR, cbor2.dumps({name: value for name, value in answer.items() if value is not None}))

    return reply
