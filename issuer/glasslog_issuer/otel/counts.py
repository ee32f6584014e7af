"""How many spans there were and what became of each: nothing is dropped without a number."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counts:
    """A reading of the counts.

    `spans` are those of generative AI. Each was recorded, or attached to its model's record as a guardrail's execution,
    or set aside as a container, or is in `lost` by the reason. `records` counts by type, registrations among them.
    `odd` counts attributes that did not fit their field; `incomplete` spans of which the SDK had dropped something;
    `without_input` calls whose question the instrumentation did not capture, so that nothing is committed to.
    """

    spans: int = 0
    records: Mapping[str, int] = field(default_factory=dict)
    attached: int = 0
    containers: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    odd: int = 0
    incomplete: int = 0
    without_input: int = 0


class Tally:
    """Counts that several threads add to."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._records: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()

    def add(self, what: str, number: int = 1) -> None:
        """Add to one of the plain numbers, by the name of its field."""
        with self._lock:
            self._numbers[what] += number

    def recorded(self, record_type: str) -> None:
        """Count a record."""
        with self._lock:
            self._records[record_type] += 1

    def lose(self, reason: str) -> None:
        """Count a span that is not on the log."""
        with self._lock:
            self._lost[reason] += 1

    def read(self) -> Counts:
        """Return the counts as they are now."""
        with self._lock:
            return Counts(records=dict(self._records), lost=dict(self._lost), **self._numbers)
