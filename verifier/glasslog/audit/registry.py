"""What inferences refer to by id: models and configurations, as they were registered.

An id of one's own issuer comes before the same id of another: nobody can stand between a record and its registration by
using its id again. Look-ups are remembered, within bounds.
"""

from functools import lru_cache
from typing import NamedTuple

from glasslog.audit.view import View

_REMEMBERED_MAX = 4_096


class Model(NamedTuple):
    """A model as registered by entry `entry`."""

    entry: int
    name: str
    version: str
    kind: str
    assurance: str


class Configuration(NamedTuple):
    """A configuration as registered by entry `entry`; `guardrails` is None where it does not say which must run."""

    entry: int
    kind: str
    guardrails: tuple[str, ...] | None


class Registry:
    """Registrations of models and configurations."""

    def __init__(self, view: View) -> None:
        """Read nothing yet."""
        self._view = view
        self.model = lru_cache(maxsize=_REMEMBERED_MAX)(self._model)
        self.configuration = lru_cache(maxsize=_REMEMBERED_MAX)(self._configuration)
        self.guardrail_set = lru_cache(maxsize=_REMEMBERED_MAX)(self._guardrail_set)

    def _model(self, number: bytes, issuer: str) -> Model | None:
        """Return the first registration of a model under an id."""
        row = self._view.row(
            """
            SELECT t.entry, t.name, t.version, t.kind, t.assurance
            FROM models t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN shapes s ON s.number = e.shape
            CROSS JOIN sources o ON o.number = s.source
            WHERE t.id = :number ORDER BY o.issuer <> :issuer, t.entry LIMIT 1
            """,
            number=number,
            issuer=issuer,
        )
        return None if row is None else Model(*row)

    def _configuration(self, number: bytes, issuer: str) -> Configuration | None:
        """Return the first registration of a configuration under an id."""
        row = self._view.row(
            """
            SELECT t.entry, t.kind, t.lists_guardrails
            FROM configs t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN shapes s ON s.number = e.shape
            CROSS JOIN sources o ON o.number = s.source
            WHERE t.id = :number ORDER BY o.issuer <> :issuer, t.entry LIMIT 1
            """,
            number=number,
            issuer=issuer,
        )
        return None if row is None else Configuration(row[0], row[1], self._guardrails(row[0]) if row[2] else None)

    def _guardrail_set(self, digest: bytes, issuer: str) -> Configuration | None:
        """Return the first registration of a guardrail set with a digest."""
        row = self._view.row(
            """
            SELECT t.entry, t.kind, t.lists_guardrails
            FROM configs t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN shapes s ON s.number = e.shape
            CROSS JOIN sources o ON o.number = s.source
            WHERE t.digest = :digest AND t.kind = 'guardrail-set' ORDER BY o.issuer <> :issuer, t.entry LIMIT 1
            """,
            digest=digest,
            issuer=issuer,
        )
        return None if row is None else Configuration(row[0], row[1], self._guardrails(row[0]) if row[2] else None)

    def _guardrails(self, entry: int) -> tuple[str, ...]:
        rows = self._view.rows("SELECT guardian FROM required_guardrails WHERE entry = :entry", entry=entry)
        return tuple(guardian for (guardian,) in rows)
