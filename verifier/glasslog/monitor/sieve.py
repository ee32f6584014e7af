"""Let through what was not told before, and note what was: one sieve for each round of a log.

There are three kinds of sameness. A finding is told once for ever, and once more when it becomes graver. A condition of
the log is told when it begins, and again when it comes back after a round without it. An episode that goes on is told
once a day. What is let through of one kind in one round is bounded, and what is left is told as a number: so the first
look at a log with a million faults takes no memory, and a log cannot drown one alert in others of another kind.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from glasslog.audit.episodes import EPISODE_GAP_MS
from glasslog.audit.finding import Severity
from glasslog.monitor.alert import Alert, Span
from glasslog.monitor.journal import Journal, ToldEpisode

TOLD_MAX: Final = 100_000
"""Alerts remembered of one log; those that were not found for the longest time are forgotten first."""
OF_A_KIND_MAX: Final = 100
"""Alerts of one kind in one round; of others there is the number."""
EPISODES_MAX: Final = 10_000
REMINDED_AFTER_S: Final = 86_400.0
_GRAVEST_FIRST: Final = tuple(Severity)


class Sieve:
    """Take the alerts of one round, and give out those that are new, and what to remember when they were told."""

    def __init__(self, journal: Journal, now_s: float, size: int = 0) -> None:
        """Begin with what is remembered, at a time (POSIX seconds) and a size of the tree."""
        self._journal = journal
        self._now_s = now_s
        self._size = size
        self._told = dict.fromkeys(journal.told)
        self._standing: dict[str, None] = {}
        self._stood = frozenset(journal.standing)
        self._episodes = dict(journal.episodes)
        self._counts: Counter[str] = Counter()
        self._held_back: dict[str, Alert] = {}
        self._kinds: set[str] = set()
        self.alerts: list[Alert] = []

    def take_all(self, alerts: Iterable[Alert]) -> None:
        """Take several alerts."""
        for alert in alerts:
            self.take(alert)

    def take(self, alert: Alert) -> None:
        """Let an alert through when it is new."""
        self._kinds.add(alert.kind)
        if not self._is_known(alert):
            self._counts[alert.kind] += 1
            if self._counts[alert.kind] <= OF_A_KIND_MAX:
                self.alerts.append(alert)
            else:
                self._hold_back(alert)

    def holds(self, kinds: Collection[str]) -> bool:
        """Tell whether an alert of one of these kinds was taken, new or not."""
        return not self._kinds.isdisjoint(kinds)

    @property
    def new(self) -> list[Alert]:
        """Return what is to be told: what was let through, and how many more there are."""
        return [*self.alerts, *(self._more(alert) for alert in self._held_back.values())]

    def remembered(self) -> Journal:
        """Return the journal after everything was told."""
        told = tuple(self._told)[-TOLD_MAX:]
        newest = sorted(self._episodes.items(), key=lambda item: item[1].told_at_s)[-EPISODES_MAX:]
        return replace(self._journal, told=told, standing=tuple(self._standing), episodes=dict(newest))

    # ------------------------------------------------------------------------------------------------------- the same

    def _is_known(self, alert: Alert) -> bool:
        digests = alert.digests()
        if alert.stands:
            known = any(digest in self._stood or digest in self._standing for digest in digests)
            self._standing.update(dict.fromkeys(digests))
            return known
        as_grave = _GRAVEST_FIRST[: _GRAVEST_FIRST.index(alert.severity) + 1]
        known = any(digest in self._told for severity in as_grave for digest in alert.digests(severity))
        for digest in digests:  # moved to the end: it was found again
            self._told.pop(digest, None)
            self._told[digest] = None
        if len(self._told) > 2 * TOLD_MAX:
            self._told = dict.fromkeys(tuple(self._told)[-TOLD_MAX:])
        return self._goes_on(alert.span, is_known=known) if alert.span is not None else known

    def _goes_on(self, span: Span, *, is_known: bool) -> bool:
        """Tell whether an episode is one that was told: the same, a later part of it, or its continuation."""
        before = self._episodes.get(span.group)
        if before is not None:
            is_part = span.entry < before.size and before.start <= span.start <= before.end
            is_near = before.start - EPISODE_GAP_MS <= span.start <= before.end + EPISODE_GAP_MS
            if is_known or is_part or (is_near and 0 <= self._now_s - before.told_at_s < REMINDED_AFTER_S):
                end = max(before.end, span.end) if is_part or is_near else before.end
                self._episodes[span.group] = before._replace(end=end, size=self._size)
                return True
        if not is_known:
            self._episodes[span.group] = ToldEpisode(span.start, span.end, self._size, self._now_s)
        return is_known

    # ----------------------------------------------------------------------------------------------------------- bounds

    def _hold_back(self, alert: Alert) -> None:
        worst = self._held_back.setdefault(alert.kind, alert)
        if _GRAVEST_FIRST.index(alert.severity) < _GRAVEST_FIRST.index(worst.severity):
            self._held_back[alert.kind] = alert

    def _more(self, alert: Alert) -> Alert:
        count = self._counts[alert.kind] - OF_A_KIND_MAX
        message = f"{count} more of this kind: `glasslog audit` over the monitor's state folder lists all of them"
        return Alert(alert.kind, alert.severity, alert.log, message, (f"{count} more, {alert.id}",))
