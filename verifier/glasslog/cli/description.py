"""Describe a file of any type for `inspect`, as a JSON document, without verifying anything.

What a file holds is shown as far as it can be read: a part that is malformed is described by its error, and the rest
is still shown. The bytes of keys that sign are never shown.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from glasslog import cbor
from glasslog.bundle import decode_bundle
from glasslog.checkpoint import decode_checkpoint
from glasslog.cli.document import Json, iso_time, iso_time_of_seconds, json_of
from glasslog.commitments import Disclosure, decode_disclosure, decode_disclosures
from glasslog.errors import GlasslogError, MalformedError, UncheckableError
from glasslog.filetype import FileType
from glasslog.fork import SignedTree, decode_fork
from glasslog.keys import ALG_ED25519, ALG_EDDSA, PublicKey, decode_cose_key, public_key_of
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE
from glasslog.note import COSIGNATURE_TIME_BYTES, NoteSignature, decode_note
from glasslog.pem import decode_private_key, decode_public_key
from glasslog.policy import PolicyKey, decode_policy, describe_rule, show_name
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.records import Record, decode_record
from glasslog.statement import (
    CONTENT_TYPE_RECORD,
    SignedStatement,
    decode_statement,
    decode_transparent_statement,
)
from glasslog.tiles import decode_bundle as decode_entry_bundle
from glasslog.tiles import decode_tile
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.vkey import decode_vkey

Document = dict[str, Json]


def describe(data: bytes, file_type: FileType) -> Document:
    """Return what a file of a given type holds. Raises MalformedError, UncheckableError."""
    describer = _DESCRIBERS.get(file_type)
    if describer is None:
        msg = f"expected a file of a log, got {file_type.one}: {file_type.place}"
        raise UncheckableError(msg)
    return describer(data)


def record_in(data: bytes, file_type: FileType) -> Record | None:
    """Return the record that a file is, or is about, where there is one and it can be read."""
    statement_of = _STATEMENTS.get(file_type)
    try:
        if statement_of is None:
            return decode_record(data) if file_type is FileType.RECORD else None
        statement = statement_of(data)
        return decode_record(statement.payload) if statement.content_type == CONTENT_TYPE_RECORD else None
    except GlasslogError:
        return None  # `describe` says what is wrong


def _part(describer: Callable[[bytes], Document], data: bytes) -> Document:
    """Describe a part of a file; one that is malformed by its error."""
    try:
        return describer(data)
    except GlasslogError as error:
        return {"malformed": str(error)}


def _bundle(data: bytes) -> Document:
    bundle = decode_bundle(data)
    return {
        "statement": _part(_statement, bundle.statement),
        "proof": _part(_tlog_proof, bundle.proof),
        "receipt": _part(_receipt, bundle.receipt),
        "authority": [
            {"statement": _part(_statement, entry.statement), "proof": _part(_tlog_proof, entry.proof)}
            for entry in bundle.authority
        ],
        "disclosures": [_part(_disclosure, item) for item in bundle.disclosures],
    }


def _statement(data: bytes) -> Document:
    return _of_statement(decode_statement(data))


def _transparent_statement(data: bytes) -> Document:
    transparent = decode_transparent_statement(data)
    return {
        **_of_statement(transparent.statement),
        "receipts": [_part(_receipt, receipt) for receipt in transparent.receipts],
    }


def _of_statement(statement: SignedStatement) -> Document:
    is_record = statement.content_type == CONTENT_TYPE_RECORD
    payload: Document = _part(_record, statement.payload) if is_record else {"bytes": len(statement.payload)}
    return {
        "entry_id": statement.leaf_hash.hex(),
        "issuer": statement.issuer,
        "subject": statement.subject,
        "kid": statement.kid.hex(),
        "content_type": statement.content_type,
        "signature": statement.signature.hex(),
        "payload": payload,
    }


def _record(data: bytes) -> Document:
    return _of_record(decode_record(data))


def _of_record(record: Record) -> Document:
    document: Document = {name: json_of(value) for name, value in record.fields.items()}
    document["id"] = record.id.hex()
    document["time"] = f"{iso_time(record.time)} ({record.time})"
    document["commitments"] = {name: value.hex() for name, value in record.commitments.items()}
    return document


def _receipt(data: bytes) -> Document:
    receipt = decode_receipt(data)
    proof = receipt.proof
    path = [element.hex() for element in proof.path]
    shown: Document = (
        {"kind": "inclusion", "tree_size": proof.size, "index": proof.index, "path": path}
        if isinstance(proof, InclusionProof)
        else {"kind": "consistency", "size1": proof.size1, "size2": proof.size2, "path": path}
    )
    return {
        "proof": shown,
        "kid": receipt.kid.hex() if receipt.kid is not None else None,
        "issuer": receipt.issuer,
        "subject": receipt.subject,
        "time": iso_time_of_seconds(receipt.time) if receipt.time is not None else None,
        "signature": receipt.signature.hex(),
    }


def _tlog_proof(data: bytes) -> Document:
    proof = decode_tlog_proof(data)
    return {
        "index": proof.index,
        "path": [element.hex() for element in proof.path],
        "extra": json_of(proof.extra),
        "checkpoint": _part(_checkpoint, proof.checkpoint),
    }


def _checkpoint(data: bytes) -> Document:
    note = decode_note(data)
    head = decode_checkpoint(note.text)
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "extensions": list(head.extensions),
        "signatures": [_signature(line) for line in note.signatures],
    }


def _note(data: bytes) -> Document:
    note = decode_note(data)
    return {"text": note.text.splitlines(), "signatures": [_signature(line) for line in note.signatures]}


def _signature(line: NoteSignature) -> Document:
    """Describe a signature line. Which type it has is known to its key alone; the length tells cosignatures' times."""
    document: Document = {"name": line.name, "key_id": line.key_id.hex(), "bytes": len(line.signature)}
    if len(line.signature) == COSIGNATURE_TIME_BYTES + 64:
        seconds = int.from_bytes(line.signature[:COSIGNATURE_TIME_BYTES], "big")
        document["time_if_cosignature"] = iso_time_of_seconds(seconds)
    return document


def _vkey(data: bytes) -> Document:
    try:
        text = data.decode().strip()
    except UnicodeDecodeError as error:
        msg = "expected a verifier key in UTF-8"
        raise MalformedError(msg) from error
    key = decode_vkey(text)
    return {
        "name": key.name,
        "key_id": key.key_id.hex(),
        "signature_type": f"0x{key.signature_type:02x}",
        **_of_public_key(key.public_key),
    }


def _policy(data: bytes) -> Document:
    policy = decode_policy(data)
    return {
        "logs": [{**_of_policy_key(log.key), "url": _shown(log.url)} for log in policy.logs],
        "witnesses": [
            {"name": show_name(witness.name), **_of_policy_key(witness.key), "url": _shown(witness.url)}
            for witness in policy.witnesses
        ],
        "quorum": describe_rule(policy.quorum) if policy.quorum is not None else None,
    }


def _of_policy_key(key: PolicyKey) -> Document:
    return {"key_name": key.name, "key_id": key.key_id.hex(), "can_be_verified": key.key is not None}


def _shown(url: bytes | None) -> str | None:
    return show_name(url) if url is not None else None


def _disclosures(data: bytes) -> Document:
    return {"disclosures": [_of_disclosure(disclosure) for disclosure in decode_disclosures(data)]}


def _disclosure(data: bytes) -> Document:
    return _of_disclosure(decode_disclosure(data))


def _of_disclosure(disclosure: Disclosure) -> Document:
    return {"name": disclosure.name, "value": json_of(disclosure.value), "commitment": disclosure.digest.hex()}


def _cose_key(data: bytes) -> Document:
    return _of_public_key(decode_cose_key(data))


def _cose_key_set(data: bytes) -> Document:
    keys = cbor.decode_foreign(data)
    if not isinstance(keys, list):
        msg = "expected a COSE key set: an array of COSE keys"
        raise MalformedError(msg)
    return {"keys": [_part_of_key_set(key) for key in keys]}


def _part_of_key_set(key: cbor.Value) -> Document:
    try:
        return _of_public_key(public_key_of(key))
    except MalformedError as error:
        return {"malformed": str(error)}


def _public_key(data: bytes) -> Document:
    return _of_public_key(decode_public_key(data))


def _private_key(data: bytes) -> Document:
    return {
        "secret": "not shown; whoever has this file can sign",
        **_of_public_key(decode_private_key(data).public_key),
    }


def _of_public_key(key: PublicKey) -> Document:
    return {
        "public_key": key.raw.hex(),
        "kid": key.kid.hex(),
        "algorithm": f"Ed25519 (COSE {ALG_EDDSA}, {ALG_ED25519})",
    }


def _tile(data: bytes) -> Document:
    width = len(data) // HASH_SIZE
    if not 1 <= width <= TILE_WIDTH:
        msg = f"expected a tile of 1 to {TILE_WIDTH} hashes of {HASH_SIZE} bytes, got {len(data)} bytes"
        raise MalformedError(msg)
    return {"width": width, "hashes": [element.hex() for element in decode_tile(data, width)]}


def _entry_bundle(data: bytes) -> Document:
    width = _entries_of(data)
    return {"width": width, "entries": [_part(_statement, entry) for entry in decode_entry_bundle(data, width)]}


def _fork(data: bytes) -> Document:
    evidence = decode_fork(data)
    return {
        "older": _head(evidence.older),
        "newer": _head(evidence.newer),
        "prefix_root": evidence.prefix_root.hex(),
        "prefix_path": [element.hex() for element in evidence.prefix_path],
    }


def _head(tree: SignedTree) -> Document:
    if isinstance(tree, bytes):
        return _part(_checkpoint, tree)
    return {"size": tree.size, "root": tree.root.hex(), "protected": json_of(tree.protected)}


def _entries_of(data: bytes) -> int:
    """Count the entries of a bundle by their lengths, up to one more than a bundle may hold."""
    count = position = 0
    while position < len(data) and count <= TILE_WIDTH:
        position += 2 + int.from_bytes(data[position : position + 2], "big")
        count += 1
    if not 1 <= count <= TILE_WIDTH:
        msg = f"expected a bundle of 1 to {TILE_WIDTH} entries, got {count} or more"
        raise MalformedError(msg)
    return count


_DESCRIBERS: Final[Mapping[FileType, Callable[[bytes], Document]]] = MappingProxyType(
    {
        FileType.BUNDLE: _bundle,
        FileType.FORK: _fork,
        FileType.STATEMENT: _statement,
        FileType.TRANSPARENT_STATEMENT: _transparent_statement,
        FileType.RECEIPT: _receipt,
        FileType.TLOG_PROOF: _tlog_proof,
        FileType.CHECKPOINT: _checkpoint,
        FileType.NOTE: _note,
        FileType.VKEY: _vkey,
        FileType.POLICY: _policy,
        FileType.DISCLOSURES: _disclosures,
        FileType.RECORD: _record,
        FileType.COSE_KEY: _cose_key,
        FileType.COSE_KEY_SET: _cose_key_set,
        FileType.PUBLIC_KEY: _public_key,
        FileType.PRIVATE_KEY: _private_key,
        FileType.TILE: _tile,
        FileType.ENTRY_BUNDLE: _entry_bundle,
    }
)

DESCRIBED: Final = tuple(_DESCRIBERS)
"""The types that `describe` knows."""

_STATEMENTS: Final[Mapping[FileType, Callable[[bytes], SignedStatement]]] = MappingProxyType(
    {
        FileType.BUNDLE: lambda data: decode_statement(decode_bundle(data).statement),
        FileType.STATEMENT: decode_statement,
        FileType.TRANSPARENT_STATEMENT: lambda data: decode_transparent_statement(data).statement,
    }
)
"""How the statement that a file is about is found in it."""
