"""The register of systems: what was declared about a system at the time of an entry.

Systems are registered by a few entries and asked about for every one, so registrations of a system are read once and
remembered, within bounds.
"""

from bisect import bisect_left
from functools import lru_cache
from typing import Final, NamedTuple

from glasslog.audit.database import Database

REGISTRATIONS_MAX: Final = 4_096  # of one system by one issuer that are looked at: the first ones


class SystemDeclaration(NamedTuple):
    """What a `system-registration` says: entry `entry`, the owner's name, the bound of lateness in milliseconds."""

    entry: int
    owner: str
    lateness_ms: int


class Systems:
    """Registrations of systems, by issuer and system."""

    def __init__(self, database: Database) -> None:
        """Read nothing yet."""
        self._database = database
        self._of = lru_cache(maxsize=1_024)(self._read)

    def declared(self, issuer: str, system: str, entry: int) -> SystemDeclaration | None:
        """Return the newest registration of a system before an entry: by this issuer, or else by anybody.

        Several parties may answer for one system, provider and deployer; each is held to its own promises.
        """
        for whose in (issuer, None):
            known = self._of(whose, system)
            position = bisect_left(known, entry, key=lambda declaration: declaration.entry)
            if position:
                return known[position - 1]
        return None

    def _read(self, issuer: str | None, system: str) -> tuple[SystemDeclaration, ...]:
        rows = self._database.execute(
            """
            SELECT t.entry, t.owner, t.max_lateness_s * 1000
            FROM systems t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN shapes s ON s.number = e.shape
            CROSS JOIN sources o ON o.number = s.source
            WHERE o.system = ?1 AND (?2 IS NULL OR o.issuer = ?2) ORDER BY t.entry LIMIT ?3
            """,
            (system, issuer, REGISTRATIONS_MAX),
        )
        return tuple(SystemDeclaration(*row) for row in rows)
