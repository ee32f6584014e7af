"""Rows of the records that checks look up one by one: registrations, duties, what people and controls did.

One function for each record type that has a table (`glasslog.audit.tables.ROWS`): fields in, rows out, in the order of
the columns. A record that refers to others has a row for each link that a check follows.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from glasslog.cbor import Value

Row: TypeAlias = tuple[Any, ...]
"""A row of a table of the database: integers, text, bytes or None."""
Rows: TypeAlias = tuple[tuple[str, Row], ...]
"""Rows with the name of their table; the first column of each is the index of the entry."""

_KEPT_LINKS: Final = frozenset({"attempt", "inference", "reviews", "supersedes"})


def link_rows(index: int, links: Value) -> Rows:
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


ROWS_OF: Final[Mapping[str, Callable[[int, Value, Mapping[str, Value]], Rows]]] = MappingProxyType(
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
"""The rows of a record, by its type: a function of the entry's index, its subject and its fields."""


def rows_of(index: int, subject: Value, record_type: str, fields: Mapping[str, Value]) -> Rows:
    """Return all rows of a record beside that of its entry."""
    extract = ROWS_OF.get(record_type)
    rows = () if extract is None else extract(index, subject, fields)
    return rows + link_rows(index, fields["links"]) if "links" in fields else rows
