"""Facts: what one verified entry contributes to the audit, small enough to cross a process boundary by the million.

The replay decodes and verifies an entry in a worker process, calls `facts_of` there, and hands the facts to the
database in the one process that writes it. Most of what records say is the same from one to the next (who signed, which
model, which guardrails decided what), so facts part it off as tuples that the database keeps once and numbers: the
`source`, the `anchor`, the `call` and the `runs` of an inference. What is left is one short row an entry, and rows of
other tables (`glasslog.audit.tables`) for the records that checks look up one by one.

Only what a check needs is here. Nothing is judged, and nothing is looked up.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from glasslog.audit.rows import ROWS_OF, Row, Rows, link_rows
from glasslog.cbor import Value
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import Record
from glasslog.records.schema import TIME_MS_MAX
from glasslog.statement import SignedStatement

CLOCK_MS: Final = 1_000
"""Clocks of one decision agree to a second: a guardrail and the model it guards may run on two machines."""

_URN_UUID: Final = "urn:uuid:"
_URN_UUID_CHARACTERS: Final = len(_URN_UUID) + 36
_UUID_BYTES: Final = 16


class Facts(NamedTuple):
    """What one entry contributes. Every field can be pickled.

    `entry` is its index, `leaf` its leaf hash. `source` is (content type, iss, kid, record type, system, env, stream
    id), with None from the record type on where there is no record. `end` is when the event was over: as stated, and
    for an inference not before its latency has passed. `anchor` is (size, root). `call` and `runs` are of inferences,
    `runs` of guardrail executions too: see `call_of` and `run_of`.
    """

    entry: int
    source: Row
    leaf: bytes
    subject: bytes | str | None = None
    id: bytes | None = None
    time: int | None = None
    end: int | None = None
    seq: int | None = None
    prev: bytes | None = None
    anchor: Row | None = None
    call: Row | None = None
    runs: tuple[Row, ...] | None = None
    rows: Rows = ()


def facts_of(index: LeafIndex, leaf_hash: Hash, statement: SignedStatement | None, record: Record | None) -> Facts:
    """Return the facts of entry `index`. Pure; costs a few microseconds.

    Content that is no record has no record. So has an entry that the replay refused (its signature, its signer or its
    schema): it fills its place in the log and counts as nothing else; and where not even the statement could be
    decoded, there is no statement either.
    """
    if statement is None:
        return Facts(index, _NO_STATEMENT, leaf_hash)
    subject = subject_of(statement.subject)
    if record is None:
        return Facts(index, (statement.content_type, statement.issuer, statement.kid, *_NO_RECORD), leaf_hash, subject)
    fields = record.fields
    record_type, stream, anchor, time = fields["type"], fields["stream"], fields.get("anchor"), fields["time"]
    end = fields.get("end", time)
    call = runs = None
    rows: Rows = ()
    if record_type == "inference":
        body = fields["body"]
        latency = int(min(body["latency_ms"], TIME_MS_MAX))
        begin = time if "end" in fields else time - latency  # `time` alone may be of the answer
        end = max(end, time + latency)
        links = fields.get("links")
        call = call_of(body, links)
        runs = tuple([run_of(execution, begin, end) for execution in body["guardrails"]])
        if links:
            rows = link_rows(index, links)
    else:
        extract = ROWS_OF.get(record_type)
        if extract is not None:
            rows = extract(index, subject, fields)
        if "links" in fields:
            rows += link_rows(index, fields["links"])
        if record_type == "guardrail-execution":
            runs = (run_of(fields["body"], None, None),)
    return Facts(
        index,
        (
            statement.content_type,
            statement.issuer,
            statement.kid,
            record_type,
            fields["system"],
            fields["env"],
            stream["id"],
        ),
        leaf_hash,
        subject,
        fields["id"],
        time,
        end,
        stream["seq"],
        stream.get("prev"),
        None if anchor is None else (anchor["size"], anchor["root"]),
        call,
        runs,
        rows,
    )


_NO_RECORD: Final = (None, None, None, None)
_NO_STATEMENT: Final = (None, None, None, *_NO_RECORD)


def subject_of(subject: str) -> bytes | str:
    """Return a CWT sub as the database keeps it: 16 bytes for the URN of a decision, any other as it is."""
    if len(subject) == _URN_UUID_CHARACTERS and subject.startswith(_URN_UUID):
        try:
            octets = bytes.fromhex(subject[len(_URN_UUID) :].replace("-", ""))
        except ValueError:
            return subject
        if len(octets) == _UUID_BYTES:
            return octets
    return subject


def subject_text(subject: bytes | str | None) -> str | None:
    """Return the CWT sub that `subject_of` was given: hexadecimal digits in lower case."""
    if not isinstance(subject, bytes):
        return subject
    digits = subject.hex()
    return f"{_URN_UUID}{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def call_of(body: Mapping[str, Value], links: Value = None) -> Row:
    """Return what inferences have in common: the columns of `calls`.

    `configs` are the ids of all configurations that the inference names, 16 bytes each, one after another: the field
    `config`, then the links of rel `config`.
    """
    provider, decision = body["provider"], body.get("decision")
    configs = body["config"]
    if links:
        configs += b"".join([link["id"] for link in links if link["rel"] == "config"])
    return (
        body["operation"],
        provider["name"],
        body["requested_model"],
        body.get("response_model"),
        body["model"],
        configs,
        body["status"],
        body["automation"],
        None if decision is None else decision["label"],
    )


def run_of(execution: Mapping[str, Value], begin: int | None, end: int | None) -> Row:
    """Return what guardrail executions have in common: (guardian, target, position, decision, in time).

    In time is 1 or 0 for an execution within an inference that ran from `begin` to `end`, and None for one on its own,
    whose `started` is a column of `executions`.
    """
    position, in_time = execution["position"], None
    if begin is not None and end is not None:
        in_time = 1 if is_in_time(position, execution["started"], begin, end) else 0
    return (execution["guardian"]["id"], execution["target"], position, execution["decision"], in_time)


def is_in_time(position: str, started: int, begin: int, end: int) -> bool:
    """Tell whether a guardrail started when its position says, for an inference from `begin` to `end`, POSIX ms.

    One before the model (`pre`) started before the answer was there, one after it (`post`) not before the question was
    asked, one beside it (`parallel`) in between; each give or take CLOCK_MS.
    """
    return (position == "post" or started <= end + CLOCK_MS) and (position == "pre" or started >= begin - CLOCK_MS)
