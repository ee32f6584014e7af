"""Follow logs, round after round: look, hand out what is new, and only then remember that it was told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from glasslog.errors import UncheckableError
from glasslog.monitor.alert import Alert
from glasslog.monitor.outlets import Metrics, Outlet
from glasslog.monitor.rounds import LogWatcher


class Outcome(IntEnum):
    """How looking at all logs ended, the gravest last."""

    QUIET = 0
    UNREACHABLE = 1
    ALERTS = 2


@dataclass(slots=True)
class Follower:
    """Watch several logs. `complain` is told what could not be done; `wait` sleeps and returns True to end."""

    watchers: Sequence[LogWatcher]
    outlets: Sequence[Outlet]
    metrics: Metrics
    now_s: Callable[[], float]
    complain: Callable[[str], None]

    def look_once(self) -> Outcome:
        """Look at every log once."""
        return max((self._look(watcher) for watcher in self.watchers), default=Outcome.QUIET)

    def follow(self, interval_s: float, wait: Callable[[float], bool], *, until_alert: bool = False) -> Outcome:
        """Look again and again, until `wait` says so, or with `until_alert` the first alert was handed out."""
        while True:
            outcome = self.look_once()
            if (until_alert and outcome is Outcome.ALERTS) or wait(interval_s):
                return outcome

    def _look(self, watcher: LogWatcher) -> Outcome:
        now_s = self.now_s()
        try:
            looked = watcher.look(now_s)
            self._tell(looked.alerts, now_s)
            looked.remember()
        except UncheckableError as error:
            self.complain(f"{watcher.source.name}: {error}")
            return Outcome.UNREACHABLE
        self.metrics.take(watcher.source.name, looked, now_s)
        if looked.alerts:
            return Outcome.ALERTS
        return Outcome.QUIET if looked.reachable else Outcome.UNREACHABLE

    def _tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Hand out by every outlet, also when one fails; then all of them get it again in the next round."""
        failed: UncheckableError | None = None
        for outlet in self.outlets:
            try:
                outlet.tell(alerts, now_s)
            except UncheckableError as error:
                failed = error
        if failed is not None:
            raise failed
