"""Count records by their kind: how many evaluations were of bias, how many notices adverse.

The outcome of an audit counts records by type. A control often asks for more than a type, so the kinds are counted in
the audit's database, over exactly the entries and the scope of that outcome. Kinds that the database does not keep
cannot be asked for: KINDS says which can.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from glasslog.audit.database import Database
from glasslog.records.assurance import EVALUATION_KINDS
from glasslog.records.changes import DEPLOYMENT_ACTIONS, SUBPROCESSOR_ACTIONS
from glasslog.records.people import CONTEST_KINDS, NOTICE_KINDS, OVERSIGHT_ACTIONS
from glasslog.records.registrations import CONFIG_KINDS, MODEL_KINDS
from glasslog.records.schema import TIME_MS_MAX

_CORRESPONDENCE: Final = ("correspondence", "kind")
KINDS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = MappingProxyType(
    {
        "config-registration": ("configs", "kind", CONFIG_KINDS),
        "contest": (*_CORRESPONDENCE, CONTEST_KINDS),
        "deployment": ("deployments", "action", DEPLOYMENT_ACTIONS),
        "evaluation": ("evaluations", "kind", EVALUATION_KINDS),
        "model-registration": ("models", "kind", MODEL_KINDS),
        "notice": (*_CORRESPONDENCE, NOTICE_KINDS),
        "oversight": ("oversights", "action", OVERSIGHT_ACTIONS),
        "subprocessor-change": ("subprocessors", "action", SUBPROCESSOR_ACTIONS),
    }
)
"""Record types whose kinds are counted: the table and column that has them, and the kinds that there are."""


def count_kinds(database: Database, audit: Mapping[str, Any]) -> dict[str, int]:
    """Return how many records of each `type:kind` are in the scope of an audit, those without any left out.

    `audit` is the outcome; entries that were added to the database since are not counted. Costs one pass over rows of
    the types of KINDS, which are few beside decisions.
    """
    tables = {(table, column) for table, column, _ in KINDS.values()}
    counts: dict[str, int] = {}
    for table, column in sorted(tables):
        statement, parameters = _statement(table, column, audit)
        for record_type, kind, count in database.execute(statement, parameters):
            if record_type in KINDS and kind is not None:
                counts[f"{record_type}:{kind}"] = count
    return counts


def _statement(table: str, column: str, audit: Mapping[str, Any]) -> tuple[str, list[Any]]:
    scope = audit["scope"]
    conditions = ["t.entry < ?", "t.entry >= ?", "e.time >= ?", "e.time < ?"]
    end = TIME_MS_MAX + 1 if scope["end"] is None else scope["end"]
    parameters: list[Any] = [audit["log"]["entries"], scope["since"], scope["start"] or 0, end]
    for name, chosen in (("issuer", scope["issuers"]), ("system", scope["systems"])):
        if chosen:
            conditions.append(f"o.{name} IN ({', '.join('?' * len(chosen))})")
            parameters += chosen
    statement = f"""
        SELECT o.type, t.{column}, count(DISTINCT t.entry)
        FROM {table} t CROSS JOIN entries e ON e.entry = t.entry
        CROSS JOIN shapes s ON s.number = e.shape CROSS JOIN sources o ON o.number = s.source
        WHERE {" AND ".join(conditions)} GROUP BY 1, 2
    """  # noqa: S608  our names; what was asked for comes as parameters
    return statement, parameters
