"""Send what a spool holds to the log, in the background, in order, for as long as it takes.

    spool.read_unsent -> one batch -> Client.submit_many -> receipts, verified -> receipts stored -> spool.done_with

One batch is under way at a time, so the log gets the records of the stream in their order. What has no outcome, or none
that settles it, is sent again, after a wait that doubles: the same statement is always the same entry. A record is
settled by a verified receipt, or by the log's refusal of that very record; then it is put aside, never thrown away, and
sending goes on or stops, as the owner has chosen. A receipt that does not hold settles nothing: the record stays, and
`status` says what the log answered.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from glasslog.counting import counted
from glasslog.statement import decode_statement
from glasslog_issuer.client import BATCH_ENTRIES_MAX, Client
from glasslog_issuer.errors import (
    IssuerError,
    NotSentError,
    RefusedError,
    SpoolClosedError,
    SpoolDamagedError,
    UnavailableError,
)
from glasslog_issuer.registration import Outcome, Registered
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.spool import ReceiptStore, Spool

SenderState: TypeAlias = Literal["idle", "sending", "waiting", "refused", "failed", "stopped"]
"""Nothing to do; at it; to try again later; stopped at a refused record; stopped at a damaged spool; stopped."""

OnRefused: TypeAlias = Literal["continue", "stop"]

_LOG: Final = logging.getLogger(__name__)

BACK_OFF: Final = RetryPolicy(delay_s_first=0.25, delay_s_max=30.0)


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """What the sender does, what went wrong since it last got on, and how many attempts in a row have failed."""

    state: SenderState
    error: Exception | None = None
    attempts: int = 0


class Sender:
    """Sends the records of one spool by a thread of its own."""

    def __init__(
        self,
        spool: Spool,
        client: Client,
        *,
        receipts: ReceiptStore | None = None,
        on_refused: OnRefused = "continue",
        on_problem: Callable[[Exception], object] = lambda _: None,
        back_off: RetryPolicy = BACK_OFF,
    ) -> None:
        """Take a client that verifies receipts and does not try again by itself: waiting is done here.

        `on_problem` is called, by the sender's thread, with the error of each attempt that got nothing done, and with
        the RefusedError of each record that was put aside. Raises ValueError for a client without keys of the log.
        """
        if not client.log_keys:
            raise ValueError("expected a key of the log, without which no receipt can be verified, got none")
        self._spool = spool
        self._client = client
        self._receipts = receipts
        self._on_refused = on_refused
        self._on_problem = on_problem
        self._back_off = back_off
        self._changed = threading.Condition()  # guards and announces `_status`, and that records are done with
        self._status = SenderStatus("idle")
        self._work = threading.Event()  # there may be something to send
        self._poke = threading.Event()  # no wait for the next attempt
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="glasslog-sender", daemon=True)

    @property
    def status(self) -> SenderStatus:
        """Return what the sender does just now."""
        return self._status

    def start(self) -> None:
        """Begin to send."""
        self._spool.on_synced = self.wake
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be records to send; costs nothing when that is known."""
        if not self._work.is_set():
            self._work.set()

    def resume(self) -> None:
        """Try again now: after a stop at a refused record, or in a wait for the next attempt."""
        with self._changed:
            if self._status.state in {"refused", "waiting"}:
                self._status = SenderStatus("sending", self._status.error, self._status.attempts)
        self._poke.set()

    def wait(self, seq: int, timeout_s: float | None) -> None:
        """Return when all records below a number are done with.

        Raises NotSentError when the time is over, and at once when the sender has stopped.
        """

        def is_over() -> bool:
            return self._spool.done_seq >= seq or self._status.state in {"refused", "failed", "stopped"}

        with self._changed:
            self._changed.wait_for(is_over, timeout_s)
            status, unsent = self._status, seq - self._spool.done_seq
        if unsent > 0:
            why = "" if status.error is None else f": {status.error}"
            left = f"{counted(unsent, 'records')} left in the spool"
            msg = f"{self._spool.folder}: {left}, the sender is {status.state}{why}"
            raise NotSentError(msg, unsent=unsent)

    def stop(self, timeout_s: float) -> None:
        """Send on while the log takes records, at most `timeout_s` seconds, then stop. What is left stays.

        An exchange that is under way then is left to end by itself, and its outcome is not waited for.
        """
        self._closing = True
        self._poke.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._ended = True

    # ------------------------------------------------------------------------------------------------------ the thread

    def _run(self) -> None:
        attempts = 0
        while not self._ended:
            self._work.clear()
            try:
                attempts = 0 if self._send_some() else attempts
            except (SpoolClosedError, SpoolDamagedError) as error:
                self._tell(SenderStatus("failed", error, attempts))
                return
            except _StoppedError as stop:
                self._tell(SenderStatus("refused", stop.error))
                if self._closing or not self._wait(None):
                    break
            except Exception as error:  # noqa: BLE001  whatever it is, it is told, and the records are still there
                attempts += 1
                self._tell(SenderStatus("waiting", error, attempts))
                self._report(error)
                if self._closing or not self._wait(self._delay_s(error, attempts)):
                    break
            else:
                if not self._wait_for_work():
                    break
        self._tell(SenderStatus("stopped", self._status.error, attempts))

    def _send_some(self) -> bool:
        """Send one batch; return whether there was any. Raises what came between, after noting what was settled."""
        records = self._spool.read_unsent(BATCH_ENTRIES_MAX)
        if not records:
            return False
        self._tell(SenderStatus("sending", self._status.error, self._status.attempts))
        outcomes: list[Outcome] = []
        try:
            for outcome in self._client.submit_many(decode_statement(entry) for _, entry in records):
                outcomes.append(outcome)  # noqa: PERF402  one by one: those before an error count
        finally:
            trouble = self._settle(records, outcomes)
        if trouble is not None:
            raise trouble
        return True

    def _settle(self, records: list[tuple[int, bytes]], outcomes: list[Outcome]) -> Exception | None:
        """Be done with the records up to the first that is not settled; return what stands in its way."""
        settled = 0
        registered: list[tuple[int, Registered]] = []
        trouble: Exception | None = None
        for (seq, entry), outcome in zip(records, outcomes, strict=False):
            if isinstance(outcome, Registered):
                registered.append((seq, outcome))
            elif not isinstance(outcome.error, RefusedError):
                trouble = outcome.error
                break
            elif self._on_refused == "stop":
                trouble = _StoppedError(outcome.error)
                break
            else:
                self._spool.refused.put(seq, entry, outcome.error)
                self._report(outcome.error)
            settled += 1
        self._done_with(records[:settled], registered)
        return trouble

    def _done_with(self, records: list[tuple[int, bytes]], registered: list[tuple[int, Registered]]) -> None:
        if self._receipts is not None and registered:
            self._receipts.put(registered)  # before the records go: a crash in between sends them again
        if records:
            with self._changed:
                self._status = SenderStatus("sending")
                self._spool.done_with(records)
                self._changed.notify_all()

    def _delay_s(self, error: Exception, attempts: int) -> float:
        retry_after_s = error.retry_after_s if isinstance(error, UnavailableError) else None
        return self._back_off.delay_s(attempts, retry_after_s)

    def _wait_for_work(self) -> bool:
        """Return at once while there is more to send, else when there is; False when it is time to end."""
        if self._spool.done_seq >= self._spool.synced_seq:
            if self._closing:
                return False
            self._tell(SenderStatus("idle"))
            self._work.wait()
        return not self._ended

    def _wait(self, delay_s: float | None) -> bool:
        """Wait for the next attempt, or until somebody says that it is time; return False when it is time to end."""
        self._poke.wait(delay_s)
        self._poke.clear()
        return not self._ended

    def _report(self, error: Exception) -> None:
        try:
            self._on_problem(error)
        except Exception:  # noqa: BLE001  a callback that fails must not stop the sender
            _LOG.exception("on_problem failed")

    def _tell(self, status: SenderStatus) -> None:
        with self._changed:
            self._status = status
            self._changed.notify_all()


def resend_refused(spool: Spool, client: Client, receipts: ReceiptStore | None = None) -> list[Outcome]:
    """Submit again what the log refused, when the reason may be gone; what it takes now is no longer put aside.

    Returns the outcomes, by number. Raises what `Client.submit_many` raises, and SpoolError.
    """
    records = spool.refused.all()
    outcomes: list[Outcome] = []
    submitted = client.submit_many(decode_statement(record.entry) for record in records)
    for record, outcome in zip(records, submitted, strict=True):
        outcomes.append(outcome)
        if isinstance(outcome, Registered):
            if receipts is not None:
                receipts.put([(record.seq, outcome)])
            spool.refused.remove(record)
    return outcomes


class _StoppedError(IssuerError):
    """Carry the refusal at which the owner wants sending to stop."""

    def __init__(self, error: RefusedError) -> None:
        super().__init__(str(error))
        self.error = error
