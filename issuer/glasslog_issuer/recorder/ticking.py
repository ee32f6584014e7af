"""Run what has to happen now and then, by one background thread: anchors, heartbeats, seals, syncs.

Each task says when it wants to be run again, in seconds of a clock that does not jump. A task that fails is reported
and is run again: nothing here ends before `stop`.
"""

import threading
from collections.abc import Callable, Mapping

Task = Callable[[], float]
"""Does what is due and returns in how many seconds it wants to be called again."""

RETRY_S = 5.0


class Ticker:
    """Runs tasks by a thread of its own."""

    def __init__(
        self, tasks: Mapping[str, Task], *, clock_s: Callable[[], float], on_problem: Callable[[Exception], object]
    ) -> None:
        """Take the tasks by name; all are due at once."""
        self._tasks = dict(tasks)
        self._clock_s = clock_s
        self._on_problem = on_problem
        self._due = dict.fromkeys(self._tasks, clock_s())
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="glasslog-ticker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hurry(self, name: str) -> None:
        """Run a task as soon as possible: what it waits for may have changed."""
        self._due[name] = self._clock_s()
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End, after the task that is being run, which is waited for no longer than the time given."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def run_due(self) -> float:
        """Run every task that is due; return in how many seconds the next one is."""
        for name, task in self._tasks.items():
            if self._stopped:
                break
            if self._due[name] <= self._clock_s():
                self._due[name] = self._clock_s() + self._run_one(task)
        return max(0.0, min(self._due.values(), default=RETRY_S) - self._clock_s())

    def _run_one(self, task: Task) -> float:
        try:
            return task()
        except Exception as error:  # noqa: BLE001  reported, and tried again
            self._on_problem(error)
            return RETRY_S

    def _run(self) -> None:
        while not self._stopped:
            delay_s = self.run_due()
            self._wake.wait(delay_s)
            self._wake.clear()
