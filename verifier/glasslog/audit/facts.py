"""Facts: what one verified entry contributes to the audit, small enough to cross a process boundary by the million.

The replay decodes and verifies an entry in a worker process, calls `facts_of` there, and hands the facts to the
database in the one process that writes it. Most of what records say is the same from one to the next (who signed, which
model, which guardrails decided what), so facts part it off as tuples that the database keeps once and numbers: the
`source`, the `anchor`, the `call` and the `runs` of an inference. What is left is one short row an entry, and rows of
other tables (`glasslog.audit.tables`) for the records that checks look up one by one.

Only what a check needs is here. Nothing is judged, and nothing is looked up.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from glasslog.cbor import Value
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import Record
from glasslog.records.schema import TIME_MS_MAX
from glasslog.statement import SignedStatement

Row: TypeAlias = tuple[Any, ...]
"""A row of a table of the database: integers, text, bytes or None."""
Rows: TypeAlias = tuple[tuple[str, Row], ...]
"""Rows with the name of their table; the first column of each is the index of the entry."""

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
            rows = _links(index, links)
    else:
        extract = _EXTRACTS.get(record_type)
        if extract is not None:
            rows = extract(index, subject, fields)
        if "links" in fields:
            rows += _links(index, fields["links"])
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


_KEPT_LINKS: Final = frozenset({"attempt", "inference", "reviews", "supersedes"})


def _links(index: int, links: Value) -> Rows:
    """Return the links that checks follow."""
    return tuple([("links", (index, link["rel"], link["id"])) for link in links if link["rel"] in _KEPT_LINKS])


# ------------------------------------------------------------------------------- rows of the records that are looked up


def _attempt(index: int, subject: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    return (("attempts", (index, fields["id"], subject, body["provider"]["name"], body.get("required_guardrails"))),)


def _execution(index: int, subject: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (index, subject, body["guardian"]["id"], body["position"], body["decision"], body["started"])
    return (("executions", row),)


def _model(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    return (("models", (index, fields["id"], body["name"], body["version"], body["kind"], body["assurance"])),)


def _config(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body, number = fields["body"], fields["id"]
    row = (index, number, body["kind"], body["name"], body["version"], body["digest"], "guardrails" in body)
    required = dict.fromkeys(body.get("guardrails", ()))
    return (("configs", row), *(("required_guardrails", (index, number, guardian)) for guardian in required))


def _system(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (index, body["name"], body["owner"], body["role"], body["risk_tier"], body["max_lateness_s"])
    controls = (
        ("controls", (index, control["id"], control["cadence_s"], control["max_gap_s"]))
        for control in body["declared_controls"]
    )
    return (("systems", row), *controls)


def _deployment(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (
        index,
        body["model"],
        body["action"],
        body["substantial"],
        len(body["approvals"]),
        body.get("validation"),
        body["effective"],
    )
    return (("deployments", row),)


def _evaluation(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    evaluator = body["evaluator"]
    who = evaluator["who"]
    row = (index, fields["id"], body["kind"], body["model"], body["verdict"], evaluator["independent"], who)
    return (("evaluations", row),)


def _oversight(index: int, subject: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    return (("oversights", (index, subject, body["mode"], body["action"])),)


def _correspondence(index: int, subject: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (
        index,
        subject,
        fields["type"],
        body.get("kind"),
        body.get("sent"),
        body.get("opened"),
        body.get("due"),
        body.get("state"),
    )
    return (("correspondence", row),)


def _incident(index: int, subject: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (
        index,
        fields["id"],
        subject,
        body["category"],
        body["severity"],
        body["serious"],
        body["aware_at"],
        body["state"],
    )
    reports = (
        ("incident_reports", (index, report["to"], report["at"], report.get("deadline")))
        for report in body.get("reports", ())
    )
    return (("incidents", row), *reports)


def _subprocessor(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    return (("subprocessors", (index, body["name"], body["service"], body["action"], body["effective"])),)


def _erasure(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    request = body["request_id"]
    return tuple(
        ("erasures", (index, request, target["store"], target["state"], target["at"])) for target in body["targets"]
    )


def _heartbeat(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    period = body["period"]
    row = (index, body["control"], period["from"], period["to"], body["count"], body["healthy"])
    return (("heartbeats", row),)


def _seal(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (index, body["from"], body["to"], body["tree_size_start"], body["tree_size_end"])
    streams = (
        ("sealed_streams", (index, stream["id"], stream["first_seq"], stream["last_seq"], stream["count"]))
        for stream in body["streams"]
    )
    return (("seals", row), *streams)


def _reconciliation(index: int, _: Value, fields: Mapping[str, Value]) -> Rows:
    body = fields["body"]
    row = (
        index,
        body["source"]["name"],
        body["source"]["counter"],
        body["from"],
        body["to"],
        body["matched"],
        body["observed_unrecorded"],
        body["recorded_unobserved"],
        body["excluded"],
        body["indeterminate"],
    )
    return (("reconciliations", row),)


_EXTRACTS: Final[Mapping[str, Callable[[int, Value, Mapping[str, Value]], Rows]]] = MappingProxyType(
    {
        "inference-attempt": _attempt,
        "guardrail-execution": _execution,
        "model-registration": _model,
        "config-registration": _config,
        "system-registration": _system,
        "deployment": _deployment,
        "evaluation": _evaluation,
        "oversight": _oversight,
        "notice": _correspondence,
        "contest": _correspondence,
        "explanation": _correspondence,
        "incident": _incident,
        "subprocessor-change": _subprocessor,
        "erasure": _erasure,
        "control-operation": _heartbeat,
        "window-seal": _seal,
        "coverage-reconciliation": _reconciliation,
    }
)
