"""What a monitor is asked to watch, and how patiently."""

import json
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = ("tree", "consistency")
"""Checks that are run whichever were chosen: that the log shows one tree is what everything else stands on."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched and how patiently. Times are in seconds.

    `grace_s` is left to records that are on their way before a duty counts as neglected. A log is stale when its newest
    tree head is older than `stale_after_s`. `subjects` are decisions or systems whose every entry is told. `checks` are
    the names of checks, none: all.
    """

    issuers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()
    grace_s: float = 60.0
    stale_after_s: float = 86_400.0
    unreachable_after_s: float = 300.0
    processes: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the checks that are run; none is all of them."""
        return tuple(dict.fromkeys((*ALWAYS, *self.checks))) if self.checks else ()

    @property
    def asked(self) -> str:
        """Return what was asked of a log. Whoever asks for something else asks it of the whole log."""
        return json.dumps([sorted(self.issuers), sorted(self.systems), sorted(self.names)])
