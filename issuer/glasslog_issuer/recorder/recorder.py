"""The Recorder: sign what happens, keep it safe, and get it into the log, with nothing of that left to the caller.

    record() -> signed at the next place of the stream -> disclosures in the vault -> on disk in the spool -> returns
                                                                 sender (a thread) -> the log -> receipt, verified

What `record` returned is safe: it reaches the log once the log can be reached, after whatever crash of this process. It
costs the caller a signature, an encoding and a share of an fsync; the network is never waited for.
"""

import atexit
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, Unpack

from glasslog_issuer.anchors import Anchors, Conflict
from glasslog_issuer.bodies import Body, DeclaredControl
from glasslog_issuer.client import Client
from glasslog_issuer.clocks import Clocks
from glasslog_issuer.errors import NotSentError, SpoolError
from glasslog_issuer.heartbeats import Control, Heartbeats
from glasslog_issuer.record import CommonFields, RecordSigner, SignedRecord
from glasslog_issuer.recorder.decision import DecisionRecorder, Shared, Thread
from glasslog_issuer.recorder.settings import RecorderSettings, Setup, keep_with, sweep
from glasslog_issuer.recorder.ticking import Task, Ticker
from glasslog_issuer.recorder.tracing import current_trace
from glasslog_issuer.registering.registrations import Registering
from glasslog_issuer.registration import Outcome, Registered
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.seals import Seals
from glasslog_issuer.sender import Sender, SenderStatus, resend_refused
from glasslog_issuer.spool import Batch, ReceiptStore, RefusedRecord, Spool, SpoolState
from glasslog_issuer.spool.receipts import RECEIPTS_NAME
from glasslog_issuer.spool.state import cut, declaration

CLOSE_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How a recorder stands: its stream and next number, what waits, what was refused, what the sender does.

    `conflict` holds two checkpoints of the log that cannot both be true, should it have signed such.
    """

    stream: str
    next_seq: int
    unsent_records: int
    unsent_bytes: int
    refused_records: int
    sender: SenderStatus
    conflict: Conflict | None


class Recorder(Registering):
    """Records the events of one AI system in one stream. May be shared by threads; one process per folder."""

    def __init__(self, directory: Path, setup: Setup) -> None:
        """Open the spool. Use `Recorder.open`."""
        super().__init__()
        self._setup = setup
        self.clocks = Clocks(setup.now_ms, setup.clock_s)
        self._anchors = Anchors(max_age_s=setup.anchor_max_age_s, clock_s=setup.clock_s)
        self._client = Client(
            setup.log_url,
            log_keys=setup.log_keys,
            retry=RetryPolicy(attempts_max=1),  # waiting is the sender's affair, which can be told to stop
            timeouts=setup.timeouts,
            pool=setup.pool,
            on_checkpoint=self._anchors.offer,
        )
        if not self._client.log_keys:
            raise ValueError("expected a key of the log, without which no receipt can be verified, got none")
        self._signer = RecordSigner(
            setup.issuer,
            setup.signer,
            system=setup.system,
            env=setup.env,
            now_ms=setup.now_ms,
            random_bytes=setup.random_bytes,
        )
        self._spool = Spool.open(
            directory,
            issuer=setup.issuer,
            stream=setup.stream,
            bounds=setup.bounds,
            durability=setup.durability,
            keep=keep_with(setup.vault),
        )
        sweep(setup.vault, self._spool)
        self._heartbeats = Heartbeats(lambda: self._spool.state, self._record_at_once, self.clocks)
        self._seals = Seals(self._spool, self._record_at_once, self._anchors, self.clocks, setup.seal_every_s)
        self._sealing = threading.Lock()
        self._receipts = ReceiptStore(directory / RECEIPTS_NAME) if setup.keep_receipts else None
        self._sender = Sender(
            self._spool,
            self._client,
            receipts=self._receipts,
            on_refused=setup.on_refused,
            on_problem=setup.on_problem,
            back_off=setup.back_off,
        )
        self._ticker = Ticker(self._tasks(), clock_s=setup.clock_s, on_problem=setup.on_problem)
        self._closing = threading.Lock()

    @classmethod
    def open(cls, directory: Path | str, **settings: Unpack[RecorderSettings]) -> Self:
        """Open the recorder whose spool is in a folder, or begin one there; `RecorderSettings` says what it takes.

        What waits there from before is sent. Raises SpoolInUseError where another process records into this folder,
        SpoolDamagedError, SpoolError, and ValueError for settings that cannot be.
        """
        recorder = cls(Path(directory), Setup(**settings))
        recorder._start()
        return recorder

    def _start(self) -> None:
        if self.state.window is None:  # from number 0 on, each number lies in a window
            self._spool.note(cut(self.clocks.now_ms(), 0))
        self._sender.start()
        self._ticker.start()
        _close_at_exit(self)

    # ------------------------------------------------------------------------------------------------------- recording

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign a record, keep it, return it: see `Recording.record`. What is returned is on its way to the log.

        An anchor to a recent checkpoint and the trace context of an active OpenTelemetry span are added where they are
        not given. Raises MalformedError, SpoolFullError, SpoolWriteError, SpoolClosedError: then nothing was recorded.
        """
        signed, batch = self.add(body, decision=decision, commit=commit, subject=subject, **common)
        self.commit(batch)
        return signed

    def add(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        wait: bool = True,
        **common: Unpack[CommonFields],
    ) -> tuple[SignedRecord, Batch]:
        """Do the first half of `record`: sign. The record is not kept before `commit` has returned for its batch.

        For those who have something else to do while the disk works: several records in a row, an event loop. Unless
        `wait`, a full spool is told at once, whatever the recorder was set up to do.
        """
        if "anchor" not in common and (anchor := self._anchors.current()) is not None:
            common["anchor"] = anchor
        if "trace" not in common and (trace := current_trace()) is not None:
            common["trace"] = trace
        unplaced = self._signer.prepare(body, decision=decision, commit=commit, **common)
        return self._spool.add(
            lambda place: self._signer.sign_prepared(place, unplaced),
            subject=subject,
            timeout_s=self._setup.full_timeout_s if wait and self.blocks_when_full else 0.0,
        )

    def commit(self, batch: Batch) -> None:
        """Do the second half of `record`: return when the batch is kept."""
        self._spool.commit(batch)

    @property
    def blocks_when_full(self) -> bool:
        """Return whether callers wait for room in a full spool, or are told at once."""
        return self._setup.on_full == "block"

    def new_decision(self) -> str:
        """Return the URN of a new decision."""
        return self._signer.new_decision()

    def decision(
        self,
        *,
        urn: str | None = None,
        inference: bytes | None = None,
        subject: str | None = None,
        **shared: Unpack[Shared],
    ) -> DecisionRecorder:
        """Begin a decision, or go on with the one of a URN: all that is recorded through it is about that decision.

        `inference` is the record id of the decision's inference, when what comes now follows that. `subject` is the
        vendor's own name for the person whom it is about, for the vault alone; the rest is said in each of its records.
        """
        thread = Thread(urn or self.new_decision(), shared, inference=inference)
        return DecisionRecorder(self, self.clocks, thread, subject)

    # -------------------------------------------------------------------------------------------- controls and windows

    @property
    def state(self) -> SpoolState:
        """Return what the spool knows: registrations, controls, windows, and where the stream stands."""
        return self._spool.state

    def control(self, name: str, *, healthy: Callable[[], bool] | None = None) -> Control:
        """Return a declared control, to tell it what it did. `healthy` is asked at each heartbeat."""
        if healthy is not None:
            self._heartbeats.checks[name] = healthy
        return Control(name, self._spool)

    def declare_controls(self, controls: Sequence[DeclaredControl]) -> None:
        """Send heartbeats for these controls, without registering a system: for one of several processes of it."""
        declared = {control.id: (control.cadence_s, control.max_gap_s) for control in controls}
        if {name: (c.cadence_s, c.max_gap_s) for name, c in self.state.controls.items()} != declared:
            self._spool.commit(self._spool.note(declaration(declared, self.clocks.now_ms())))

    def seal(self, timeout_s: float | None = None) -> list[SignedRecord]:
        """Close the window that is open, wait until the log has its records, and seal it; the next begins.

        The first window begins when the spool does. Raises NotSentError when the time is over: then the window is
        sealed in the background, once the log has everything.
        """
        with self._sealing:
            self._seals.cut()
            last = max((window.last_seq for window in self.state.closed), default=-1)
            self._sender.wait(last + 1, timeout_s)
            if self._anchors.newest is None:
                self._client.checkpoint()
            return self._seals.seal()

    def _record_at_once(self, body: Body) -> SignedRecord:
        """Record from the background: without waiting for room, because what it says can be said later."""
        unplaced = self._signer.prepare(body)
        signed, batch = self._spool.add(lambda place: self._signer.sign_prepared(place, unplaced), timeout_s=0.0)
        self.commit(batch)
        return signed

    # --------------------------------------------------------------------------------------------------------- sending

    @property
    def status(self) -> RecorderStatus:
        """Return how the recorder stands."""
        spool = self._spool
        return RecorderStatus(
            stream=spool.state.place.id,
            next_seq=spool.state.place.seq,
            unsent_records=spool.unsent_records,
            unsent_bytes=spool.unsent_bytes,
            refused_records=spool.refused.count,
            sender=self._sender.status,
            conflict=self._anchors.conflict,
        )

    def flush(self, timeout_s: float | None = None) -> None:
        """Return when the log has everything that was recorded before, or has refused it.

        Raises NotSentError when the time is over, and at once when the sender has stopped: the records stay.
        """
        self._spool.sync()
        self._sender.wait(self._spool.synced_seq, timeout_s)

    def retry(self) -> None:
        """Try to send now, whatever was waited for; also after a stop at a refused record."""
        self._sender.resume()

    def refused(self) -> list[RefusedRecord]:
        """Return the records that the log refused, with its reasons."""
        return self._spool.refused.all()

    def resend_refused(self) -> list[Outcome]:
        """Submit again what the log refused: see `glasslog_issuer.sender.resend_refused`."""
        return resend_refused(self._spool, self._client, self._receipts)

    def registered(self, signed: SignedRecord, *, timeout_s: float | None = 0.0) -> Registered | None:
        """Return where a record is in the log, with its verified receipt; None while it is not there, or refused.

        Waits for it at most `timeout_s` seconds. Raises ValueError where receipts are not kept.
        """
        if self._receipts is None:
            raise ValueError("expected a recorder that keeps receipts, got one that does not")
        try:
            self._sender.wait(signed.record.stream.seq + 1, timeout_s)
        except NotSentError:
            return None
        stored = self._receipts.get(signed.statement.leaf_hash)
        return None if stored is None else stored.registered(signed.statement)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Send what can be sent in this time, then stop. What is left stays in the spool, for the next `open`.

        Does not wait for a log that is not to be had. Closing twice, or in the child of a fork, does nothing.
        """
        if self._spool.is_closed or not self._closing.acquire(blocking=False):
            return
        self._ticker.stop(timeout_s)
        try:
            self._spool.sync()
        except SpoolError as error:
            self._setup.on_problem(error)
        self._sender.stop(timeout_s)
        self._spool.close()
        if self._receipts is not None:
            self._receipts.close()
        self._client.close()

    def __enter__(self) -> Self:
        """Return the recorder, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------------------------------------------ background

    def _tasks(self) -> dict[str, Task]:
        tasks: dict[str, Task] = {
            "anchors": self._refresh_anchors,
            "heartbeats": self._heartbeats.tick,
            "seals": self._tick_seals,
        }
        if self._setup.durability == "system":
            tasks["sync"] = self._sync
        return tasks

    def _refresh_anchors(self) -> float:
        """Ask for a checkpoint."""
        self._client.checkpoint()
        return self._setup.anchor_refresh_s

    def _tick_seals(self) -> float:
        with self._sealing:
            return self._seals.tick()

    def _sync(self) -> float:
        self._spool.sync()
        return self._setup.sync_interval_s


_OPEN: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _close_at_exit(recorder: Recorder) -> None:
    _OPEN.add(recorder)


def _close_all() -> None:
    """Close what the program has left open: nothing is lost without it, but what can be sent is sent."""
    for recorder in list(_OPEN):
        recorder.close()


atexit.register(_close_all)
