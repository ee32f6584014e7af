"""Follow logs, round after round: look, hand out what is new, and only then remember that it was told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from glasslog.errors import GlasslogError, UncheckableError
from glasslog.monitor.alert import Alert
from glasslog.monitor.metrics import Metrics
from glasslog.monitor.outlets import Outlet
from glasslog.monitor.rounds import LogWatcher, Round
from glasslog.monitor.stopping import Stop, StoppedError


class Outcome(IntEnum):
    """How looking at all logs ended, the gravest last."""

    QUIET = 0
    COULD_NOT_LOOK = 1
    """Or what was looked at is still not what the log signed, as was told before."""
    ALERTS = 2


@dataclass(slots=True)
class Follower:
    """Watch several logs. `complain` is told what could not be done."""

    watchers: Sequence[LogWatcher]
    outlets: Sequence[Outlet]
    metrics: Metrics
    now_s: Callable[[], float]
    complain: Callable[[str], None]
    stop: Stop = field(default_factory=Stop)
    _taken: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    """By place and outlet: the ids of alerts that it took, and another outlet of the last round did not."""

    def look_once(self) -> Outcome:
        """Look at every log once. Raises StoppedError."""
        return max((self._look(watcher) for watcher in self.watchers), default=Outcome.QUIET)

    def follow(self, interval_s: float, *, until_alert: bool = False) -> Outcome:
        """Look again and again until it is told to stop, or with `until_alert` the first alert was handed out.

        Returns the outcome of the last round that came to its end.
        """
        outcome = Outcome.QUIET
        while True:
            try:
                outcome = self.look_once()
            except StoppedError:
                return outcome
            if (until_alert and outcome is Outcome.ALERTS) or self.stop.wait(interval_s):
                return outcome

    def _look(self, watcher: LogWatcher) -> Outcome:
        now_s, name = self.now_s(), watcher.source.name
        try:
            with self.stop.may_cut_off():
                looked = watcher.look(now_s)
            self._hand_out(watcher, looked, now_s)
        except GlasslogError as error:
            self.complain(f"{name}: {error}")
            self.metrics.take(name, None, now_s)
            return Outcome.COULD_NOT_LOOK
        for complaint in looked.complaints:
            self.complain(f"{name}: {complaint}")
        self.metrics.take(name, looked, now_s)
        if looked.alerts:
            return Outcome.ALERTS
        return Outcome.QUIET if looked.clean else Outcome.COULD_NOT_LOOK

    def _hand_out(self, watcher: LogWatcher, looked: Round, now_s: float) -> None:
        """Hand out by every outlet, also when one fails; that one gets it again in the next round, with what is new."""
        failed: UncheckableError | None = None
        place = watcher.source.name
        for number, outlet in enumerate(self.outlets):
            before = self._taken.pop((place, number), set())
            alerts = [alert for alert in looked.alerts if alert.id not in before]
            try:
                self._tell(outlet, alerts, now_s)
                before = {alert.id for alert in looked.alerts}
            except UncheckableError as error:
                failed = error
            self._taken[place, number] = before & {alert.id for alert in looked.alerts}
        if failed is not None:
            raise failed
        looked.remember()
        for number in range(len(self.outlets)):
            self._taken.pop((place, number), None)

    def _tell(self, outlet: Outlet, alerts: Sequence[Alert], now_s: float) -> None:
        if alerts:
            outlet.tell(alerts, now_s)
