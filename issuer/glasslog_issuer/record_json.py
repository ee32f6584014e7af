"""Read a record that a person or another program wrote in JSON.

The JSON has the fields of the record (RECORDS section 3 and 4) as they are named there. Byte strings are in hex, as
text or as {"hex": "..."}; ids may be written as UUIDs too. Where a name may stand as well as a keyed tag, text is the
name. Fields that every record needs may be left out and are filled in when the record is signed: v, id, time, system,
env, stream. Two more fields are no part of the record:

    "commit"   maps names to the content that is committed to: any JSON value
    "subject"  the URN of the decision that the record is about

What a record may hold is for the schema to say when it is signed. Here JSON becomes values, and the schema only tells
where bytes are: nothing is guessed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.limits import CBOR_DEPTH_MAX
from glasslog.records import Stream as Place
from glasslog.records.record import RECORDS
from glasslog.records.schema import Rule
from glasslog.records.schema.containers import Array, ClosedMap, OpenMap
from glasslog.records.schema.scalars import Either, Octets, Uuid7
from glasslog_issuer.bodies import RawBody
from glasslog_issuer.record import CommonFields

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as it was written: what `Issuer.sign` takes, and a place in a stream where the writer chose one."""

    body: RawBody
    subject: str | None
    place: Place | None
    commit: Mapping[str, Value] = field(repr=False)
    common: CommonFields = field(repr=False)


def decode_draft(text: str | bytes) -> Draft:
    """Return the draft that one JSON object is. Raises MalformedError that names the field."""
    fields = _object(_parse(text), "a record")
    record_type = fields.pop("type", None)
    if not isinstance(record_type, str):
        raise MalformedError("record type: expected the type of the record as text")
    body = _object(fields.pop("body", None), "the body")
    commit = _object(fields.pop("commit", {}), "commit")
    subject = fields.pop("subject", None)
    if not isinstance(subject, str | None):
        raise MalformedError("record subject: expected a URN as text")
    unknown = fields.keys() - CommonFields.__annotations__.keys() - {"stream"}
    if unknown:
        msg = f"record: expected no fields but those of a record, commit and subject, got {min(unknown)!r:.100}"
        raise MalformedError(msg)
    if record_type not in RECORDS:
        msg = f"record type: expected one of {', '.join(RECORDS)}, got {record_type!r:.100}"
        raise MalformedError(msg)
    converted = _convert({**fields, "body": body}, RECORDS[record_type], ())
    stream = converted.pop("stream", None)
    return Draft(
        body=RawBody(record_type, converted.pop("body")),
        subject=subject,
        place=None if stream is None else _place(stream),
        commit=commit,
        common=cast("CommonFields", converted),
    )


def _parse(text: str | bytes) -> Value:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise MalformedError("expected JSON of few levels, got too many") from error
    except json.JSONDecodeError as error:
        msg = f"expected JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise MalformedError(msg) from error
    except ValueError as error:  # bytes that are no text, numbers of thousands of digits, and our own refusals
        msg = f"expected JSON: {error}"
        raise MalformedError(msg) from error
    _check_depth(value, CBOR_DEPTH_MAX)
    return value


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _check_depth(value: Value, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth == 0:
        msg = f"expected at most {CBOR_DEPTH_MAX} levels of objects and arrays, got more"
        raise MalformedError(msg)
    for element in value.values() if isinstance(value, dict) else value:
        _check_depth(element, depth - 1)


def _object(value: Value, what: str) -> dict[str, Value]:
    if not isinstance(value, dict):
        msg = f"expected {what} as a JSON object"
        raise MalformedError(msg)
    return value


def _convert(value: Value, rule: Rule | None, path: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value with bytes where the rule has them. What the rule would refuse is left as it is."""
    match rule, value:
        case Octets() | Uuid7(), str(digits):
            return _from_hex(digits, path)
        case Octets() | Uuid7() | Either(), {"hex": str(digits)} if len(value) == 1:
            return _from_hex(digits, path)
        case ClosedMap(), dict():
            return {name: _convert(element, rule.fields.get(name), (*path, name)) for name, element in value.items()}
        case OpenMap(), dict():
            return {name: _convert(element, rule.of, (*path, name)) for name, element in value.items()}
        case Array(), list():
            return [_convert(element, rule.of, (*path, str(place))) for place, element in enumerate(value)]
        case _:
            return value


def _from_hex(text: str, path: tuple[str, ...]) -> bytes:
    digits = text.replace("-", "") if _UUID.fullmatch(text) else text
    if not _HEX.fullmatch(digits):
        msg = f"record {'.'.join(path)}: expected bytes in hex, got text of length {len(text)}"
        raise MalformedError(msg)
    return bytes.fromhex(digits)


def _place(stream: Value) -> Place:
    match stream:
        case {"id": str(name), "seq": int(seq), **rest} if not isinstance(seq, bool) and rest.keys() <= {"prev"}:
            prev = rest.get("prev")
            if isinstance(prev, bytes | None):
                return Place(name, seq, prev)
    raise MalformedError("record stream: expected id as text, seq as a number and, after the first, prev in hex")
