"""The language in which the types of records are described: rules for values, put together from small ones.

A rule is a description, and it is used in two ways:

- *called* with a decoded value it checks it, and returns how many bytes the value's deterministic encoding has, or
  raises `SchemaMismatchError` with the path and what was expected. This is the plain way, and the one that decides.
- *compiled* (`straight`) it becomes one straight-line function that gives the same answer several times faster, or
  gives up. The server checks every record that it admits, so this is the way that is taken first.

The sizes are what makes one pass enough. An encoding is deterministic when its map keys are in order, which a rule
checks, and when it is as short as an encoding of its value can be. So a record is decoded once, walked once, its size
compared with the bytes received, and never encoded again: a longer head anywhere, or a byte behind the end, shows in
the sum.

Types are exact: `True` is not an integer here.
"""

from glasslog.records.schema.containers import Presence, Relation, array, closed_map, open_map
from glasslog.records.schema.mismatch import SchemaMismatchError
from glasslog.records.schema.rule import Rule
from glasslog.records.schema.scalars import (
    COUNT_MAX,
    INTEGER_MIN,
    NAME_BYTES_MAX,
    TIME_MS_MAX,
    boolean,
    either,
    exactly,
    measure,
    null,
    number,
    octets,
    octets_between,
    one_of,
    text,
    time_ms,
    token,
    unsigned,
    uri,
    uuid7,
)
from glasslog.records.schema.straight import MISFITS, Check, compile_rule

__all__ = [
    "COUNT_MAX",
    "INTEGER_MIN",
    "MISFITS",
    "NAME_BYTES_MAX",
    "TIME_MS_MAX",
    "Check",
    "Presence",
    "Relation",
    "Rule",
    "SchemaMismatchError",
    "array",
    "boolean",
    "closed_map",
    "compile_rule",
    "either",
    "exactly",
    "measure",
    "null",
    "number",
    "octets",
    "octets_between",
    "one_of",
    "open_map",
    "text",
    "time_ms",
    "token",
    "unsigned",
    "uri",
    "uuid7",
]
