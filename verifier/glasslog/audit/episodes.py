"""Episodes: entries that break a check for one reason and close in time are one finding, not thousands.

A guardrail that was off for ten minutes is one thing to find, however many decisions were made in that time. Memory is
bounded: an episode keeps its first entries alone, and when too many are open the oldest is told.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from glasslog.audit.finding import ENTRIES_SHOWN_MAX

EPISODE_GAP_MS: Final = 3_600_000
EPISODES_OPEN_MAX: Final = 4_096

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Episode(Generic[Key]):
    """Entries of one `key`: how many, the first of them, the times of the earliest and the latest, the worst amount."""

    key: Key
    start: int
    end: int
    worst: int = 0
    count: int = 0
    entries: list[int] = field(default_factory=list)

    def add(self, entry: int, time: int, amount: int) -> None:
        """Add an entry."""
        self.count += 1
        self.worst = max(self.worst, amount)
        self.start, self.end = min(self.start, time), max(self.end, time)
        if len(self.entries) < ENTRIES_SHOWN_MAX:
            self.entries.append(entry)


def gather(broken: Iterable[tuple[Key, int, int, int]], gap_ms: int = EPISODE_GAP_MS) -> Iterator[Episode[Key]]:
    """Yield the episodes of (key, entry, time, amount): those of one key part where times are further apart."""
    open_ones: OrderedDict[Key, Episode[Key]] = OrderedDict()
    for key, entry, time, amount in broken:
        episode = open_ones.get(key)
        if episode is not None and not episode.start - gap_ms <= time <= episode.end + gap_ms:
            yield open_ones.pop(key)
            episode = None
        if episode is None:
            if len(open_ones) >= EPISODES_OPEN_MAX:
                yield open_ones.popitem(last=False)[1]
            episode = open_ones[key] = Episode(key, time, time)
        episode.add(entry, time, amount)
    yield from open_ones.values()
