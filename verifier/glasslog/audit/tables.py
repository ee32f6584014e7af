"""The tables of an audit's database: what is kept of every entry, and what of the records that checks look up.

`entries` has one short row an entry. What repeats from one record to the next is kept once and numbered (NUMBERED), 0
meaning none; the `shape` of an entry is its source, call and runs together. `tallies` counts entries by the hour of
their event and by shape, so that a check of inferences reads hundreds of rows where there are millions of decisions,
and goes to the entries themselves only for those that it objects to.

Times are POSIX milliseconds, by the issuer's clock but in `heads`. Ids are the 16 bytes of a record's UUIDv7. `entry`
is the index in the log.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SCHEMA_NUMBER: Final = 1  # of these tables: another one cannot be read, and is built again from the mirror
HOUR_MS: Final = 3_600_000

NUMBERED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sources": ("content_type", "issuer", "kid", "type", "system", "env", "stream"),
        "streams": ("issuer", "name"),
        "anchors": ("size", "root"),
        "calls": (
            "operation",
            "provider",
            "requested_model",
            "response_model",
            "model",
            "configs",
            "status",
            "automation",
            "label",
        ),
        "runs": ("executions",),
        "shapes": ("source", "call", "runs", "stream"),
    }
)
"""Tables that number what repeats: their columns, all of which together are unique."""

ROWS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "attempts": ("entry", "id", "subject", "provider", "required"),
        "executions": ("entry", "subject", "guardian", "position", "decision", "started"),
        "models": ("entry", "id", "name", "version", "kind", "assurance"),
        "configs": ("entry", "id", "kind", "name", "version", "digest", "lists_guardrails"),
        "required_guardrails": ("entry", "config", "guardian"),
        "systems": ("entry", "name", "owner", "role", "risk_tier", "max_lateness_s"),
        "controls": ("entry", "control", "cadence_s", "max_gap_s"),
        "deployments": ("entry", "model", "action", "substantial", "approvals", "validation", "effective"),
        "evaluations": ("entry", "id", "kind", "model", "verdict", "independent", "who"),
        "oversights": ("entry", "subject", "mode", "action"),
        "correspondence": ("entry", "subject", "type", "kind", "sent", "opened", "due", "state"),
        "incidents": ("entry", "id", "subject", "category", "severity", "serious", "aware_at", "state"),
        "incident_reports": ("entry", "recipient", "at", "deadline"),
        "subprocessors": ("entry", "name", "service", "action", "effective"),
        "erasures": ("entry", "request", "store", "state", "at"),
        "heartbeats": ("entry", "control", "period_start", "period_end", "count", "healthy"),
        "seals": ("entry", "start", "stop", "tree_size_start", "tree_size_end"),
        "sealed_streams": ("entry", "stream", "first_seq", "last_seq", "count"),
        "reconciliations": (
            "entry",
            "source",
            "counter",
            "start",
            "stop",
            "matched",
            "observed_unrecorded",
            "recorded_unobserved",
            "excluded",
            "indeterminate",
        ),
        "links": ("entry", "rel", "target"),
    }
)
"""Tables of records that checks look up, with the columns that `glasslog.audit.facts` fills."""

ENTRY_COLUMNS: Final = (
    "entry",
    "leaf",
    "shape",
    "stream",
    "subject",
    "id",
    "time",
    "ended",
    "seq",
    "prev",
    "anchor",
)
FINDING_COLUMNS: Final = (
    '"check"',
    "severity",
    "message",
    "entries",
    "first_entry",
    "issuer",
    "system",
    "subject",
    "start",
    "stop",
)
TALLY_COLUMNS: Final = ("hour", "shape", "count", "entry_min", "entry_max", "time_min", "time_max")

_INDEXES: Final = (
    ("entries", "stream, seq"),
    ("entries", "id"),
    ("heartbeats", "control"),
    ("attempts", "subject"),
    ("attempts", "id"),
    ("executions", "subject, started"),
    ("oversights", "subject"),
    ("oversights", "entry"),
    ("correspondence", "subject"),
    ("links", "target"),
    ("links", "entry"),
    ("models", "id"),
    ("configs", "id"),
    ("configs", "digest"),
    ("required_guardrails", "entry"),
    ("controls", "entry"),
    ("evaluations", "id"),
    ("incidents", "id"),
    ("incident_reports", "entry"),
    ("subprocessors", "name"),
    ("seals", "stop"),
    ("sealed_streams", "entry"),
)


def create_statements() -> list[str]:
    """Return the statements that make the tables, without indexes of what grows with the log."""
    numbered = [
        statement
        for table, columns in NUMBERED.items()
        for statement in (
            f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, {', '.join(columns)})",
            f"CREATE INDEX {table}_all ON {table} ({', '.join(columns)})",
        )
    ]
    return [
        *numbered,
        f"CREATE TABLE entries (entry INTEGER PRIMARY KEY, {', '.join(ENTRY_COLUMNS[1:])})",
        f"CREATE TABLE tallies ({', '.join(TALLY_COLUMNS)}, PRIMARY KEY (hour, shape)) WITHOUT ROWID",
        "CREATE TABLE run_parts (runs, guardian, target, position, decision, in_time)",
        "CREATE INDEX run_parts_runs ON run_parts (runs)",
        *(f"CREATE TABLE {table} ({', '.join(columns)})" for table, columns in ROWS.items()),
        "CREATE TABLE heads (size, witness, time, PRIMARY KEY (size, witness, time)) WITHOUT ROWID",
        f"CREATE TABLE findings ({', '.join(FINDING_COLUMNS)})",
        f"PRAGMA user_version = {SCHEMA_NUMBER}",
    ]


def index_statements() -> list[str]:
    """Return the statements that make the indexes that checks need, where they are not there yet."""
    return [
        f"CREATE INDEX IF NOT EXISTS {table}_{columns.replace(', ', '_')} ON {table} ({columns})"
        for table, columns in _INDEXES
    ]


def insert_statement(table: str, columns: tuple[str, ...], rows: int = 1) -> str:
    """Return the statement that inserts some rows: their values one after another."""
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608  our names
