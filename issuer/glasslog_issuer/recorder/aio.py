"""The Recorder for asyncio: the same names, and the event loop waits for no disk and no network.

Signing is done on the loop: it costs tens of microseconds of CPU, which a thread would not make less. Waiting for the
disk is done in a thread, once for all tasks whose records are in the same write. Where the spool is full, the waiting
for room is done in a thread too, with the signing.

A call that is cancelled after its record was signed leaves the record: it is kept and sent all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, Unpack

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Body,
    Contest,
    DeclaredControl,
    Explanation,
    Guardian,
    InferenceAttempt,
    Notice,
    Outcome,
    Oversight,
    Step,
)
from glasslog_issuer.bodies.inference import Position
from glasslog_issuer.bodies.registrations import ConfigKind
from glasslog_issuer.clocks import Clocks, Stopwatch
from glasslog_issuer.errors import SpoolFullError
from glasslog_issuer.heartbeats import Control
from glasslog_issuer.record import CommonFields, SignedRecord
from glasslog_issuer.recorder.decision import Shared, Thread
from glasslog_issuer.recorder.measuring import GuardrailInProgress, InferenceInProgress, InferenceRequest
from glasslog_issuer.recorder.recorder import CLOSE_TIMEOUT_S, Recorder, RecorderStatus
from glasslog_issuer.recorder.settings import RecorderSettings
from glasslog_issuer.registering import RequiredGuardrail
from glasslog_issuer.registration import Outcome as SubmissionOutcome
from glasslog_issuer.registration import Registered
from glasslog_issuer.spool import Batch, RefusedRecord

T = TypeVar("T")


class AsyncRecorder:
    """A Recorder for the tasks of one event loop. `recorder` is the one that does the work."""

    def __init__(self, recorder: Recorder) -> None:
        """Take a recorder; it is closed with this one."""
        self.recorder = recorder
        self._commits: dict[Batch, asyncio.Future[None]] = {}

    @classmethod
    async def open(cls, directory: Path | str, **settings: Unpack[RecorderSettings]) -> Self:
        """Open as `Recorder.open` does, in a thread."""
        return cls(await asyncio.to_thread(Recorder.open, directory, **settings))

    async def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign a record, keep it, return it: see `Recorder.record`."""
        add = partial(self.recorder.add, body, decision=decision, commit=commit, subject=subject, **common)
        try:
            signed, batch = add(wait=False)
        except SpoolFullError:
            if not self.recorder.blocks_when_full:
                raise
            signed, batch = await asyncio.to_thread(add)
        await self._commit(batch)
        return signed

    def decision(
        self,
        *,
        urn: str | None = None,
        inference: bytes | None = None,
        subject: str | None = None,
        **shared: Unpack[Shared],
    ) -> "AsyncDecisionRecorder":
        """Begin a decision, or go on with one: see `Recorder.decision`."""
        thread = Thread(urn or self.recorder.new_decision(), shared, inference=inference)
        return AsyncDecisionRecorder(self, self.recorder.clocks, thread, subject)

    async def _commit(self, batch: Batch) -> None:
        """Wait until a batch is kept: one thread waits for the disk, for all tasks whose records are in it."""
        commit = self._commits.get(batch)
        if commit is None:
            commit = asyncio.ensure_future(asyncio.to_thread(self.recorder.commit, batch))
            self._commits[batch] = commit
            commit.add_done_callback(lambda _: self._commits.pop(batch, None))
        await asyncio.shield(commit)

    # ---------------------------------------------------------------------------------------------------- as it is

    @property
    def status(self) -> RecorderStatus:
        """Return how the recorder stands."""
        return self.recorder.status

    def control(self, name: str, *, healthy: Callable[[], bool] | None = None) -> Control:
        """Return a declared control: see `Recorder.control`. `healthy` is called by another thread."""
        return self.recorder.control(name, healthy=healthy)

    def retry(self) -> None:
        """Try to send now."""
        self.recorder.retry()

    def new_decision(self) -> str:
        """Return the URN of a new decision."""
        return self.recorder.new_decision()

    # --------------------------------------------------------------------------------------------------- in a thread

    async def flush(self, timeout_s: float | None = None) -> None:
        """Return when the log has everything: see `Recorder.flush`."""
        await asyncio.to_thread(self.recorder.flush, timeout_s)

    async def refused(self) -> list[RefusedRecord]:
        """Return the records that the log refused, with its reasons."""
        return await asyncio.to_thread(self.recorder.refused)

    async def resend_refused(self) -> list[SubmissionOutcome]:
        """Submit again what the log refused: see `Recorder.resend_refused`."""
        return await asyncio.to_thread(self.recorder.resend_refused)

    async def registered(self, signed: SignedRecord, *, timeout_s: float | None = 0.0) -> Registered | None:
        """Return where a record is in the log: see `Recorder.registered`."""
        return await asyncio.to_thread(self.recorder.registered, signed, timeout_s=timeout_s)

    async def seal(self, timeout_s: float | None = None) -> list[SignedRecord]:
        """Close and seal the window: see `Recorder.seal`."""
        return await asyncio.to_thread(self.recorder.seal, timeout_s)

    async def declare_controls(self, controls: Sequence[DeclaredControl]) -> None:
        """Send heartbeats for controls: see `Recorder.declare_controls`."""
        await asyncio.to_thread(self.recorder.declare_controls, controls)

    async def register(self, body: Body) -> bytes:
        """Register what a body says, if it has changed: see `Recorder.register`."""
        return await asyncio.to_thread(self.recorder.register, body)

    async def register_model(self, **fields: Any) -> bytes:  # noqa: ANN401  those of the method of that name
        """Register a model: see `Recorder.register_model`."""
        return await asyncio.to_thread(self.recorder.register_model, **fields)

    async def register_guardrails(self, guardrails: Sequence[RequiredGuardrail], *, name: str, version: str) -> bytes:
        """Register a guardrail set: see `Recorder.register_guardrails`."""
        return await asyncio.to_thread(self.recorder.register_guardrails, guardrails, name=name, version=version)

    async def register_config(self, kind: ConfigKind, document: bytes | Path, *, name: str, version: str) -> bytes:
        """Register a configuration: see `Recorder.register_config`."""
        return await asyncio.to_thread(self.recorder.register_config, kind, document, name=name, version=version)

    async def register_dataset(self, path: Path | str, **fields: Any) -> bytes:  # noqa: ANN401  as above
        """Register a dataset: see `Recorder.register_dataset`."""
        return await asyncio.to_thread(self.recorder.register_dataset, path, **fields)

    async def register_system(
        self,
        *,
        declared_controls: Sequence[DeclaredControl] = (),
        max_lateness_s: int,
        **fields: Any,  # noqa: ANN401
    ) -> bytes:
        """Register the system: see `Recorder.register_system`."""
        register = partial(self.recorder.register_system, declared_controls=declared_controls)
        return await asyncio.to_thread(register, max_lateness_s=max_lateness_s, **fields)

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Send what can be sent in this time, then stop: see `Recorder.close`."""
        await asyncio.to_thread(self.recorder.close, timeout_s)

    async def __aenter__(self) -> Self:
        """Return the recorder, to be closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()


class AsyncDecisionRecorder:
    """Records about one decision: a DecisionRecorder whose calls are awaited. For one task at a time."""

    def __init__(self, recorder: AsyncRecorder, clocks: Clocks, thread: Thread, subject: str | None) -> None:
        """Take what keeps the records. Use `AsyncRecorder.decision`."""
        self._recorder = recorder
        self._clocks = clocks
        self._thread = thread
        self._subject = subject

    @property
    def urn(self) -> str:
        """Return the URN of the decision: the `sub` of all its statements."""
        return self._thread.urn

    async def record(
        self, body: Body, *, commit: Mapping[str, object] | None = None, **common: Unpack[CommonFields]
    ) -> SignedRecord:
        """Record anything about the decision."""
        fields = self._thread.common(body.type(), common)
        signed = await self._recorder.record(body, decision=self.urn, commit=commit, subject=self._subject, **fields)
        return self._thread.took(signed)

    @asynccontextmanager
    async def infer(
        self, *, configs: Sequence[bytes] = (), **request: Unpack[InferenceRequest]
    ) -> AsyncIterator[InferenceInProgress]:
        """Record the inference that the block makes: see `DecisionRecorder.infer`."""
        running = InferenceInProgress(request, Stopwatch(self._clocks), self._clocks)
        try:
            yield running
        except BaseException as error:
            running.failed(error)
            await _to_the_end(self._record_inference(running, configs))
            raise
        await self._record_inference(running, configs)

    @asynccontextmanager
    async def guardrail(
        self,
        *,
        guardian: Guardian,
        policy: AppliedPolicy,
        target: str,
        position: Position,
        fail: Literal["open", "closed"] = "closed",
    ) -> AsyncIterator[GuardrailInProgress]:
        """Record the guardrail that the block runs: see `DecisionRecorder.guardrail`."""
        running = GuardrailInProgress(guardian, policy, target, position, fail, self._clocks)
        try:
            yield running
        except BaseException as error:
            await _to_the_end(self.record(running.end(error), time=running.stopwatch.began_ms))
            raise
        await self.record(running.end(None), time=running.stopwatch.began_ms)

    async def attempt(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a model is about to be asked."""
        return await self.record(InferenceAttempt(**fields), commit=commit)

    async def step(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record a step on the way."""
        return await self.record(Step(**fields), commit=commit)

    async def oversight(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record what a person did about the decision."""
        return await self.record(Oversight(**fields), commit=commit)

    async def notice(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a person was told."""
        return await self.record(Notice(**fields), commit=commit)

    async def contest(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a person objected."""
        return await self.record(Contest(**fields), commit=commit)

    async def explanation(
        self,
        *,
        commit: Mapping[str, object] | None = None,
        **fields: Any,  # noqa: ANN401
    ) -> SignedRecord:
        """Record that reasons were asked for or given."""
        return await self.record(Explanation(**fields), commit=commit)

    async def outcome(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record what turned out to be true."""
        return await self.record(Outcome(**fields), commit=commit)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: each record was kept when it was made."""

    async def _record_inference(self, running: InferenceInProgress, configs: Sequence[bytes]) -> None:
        common = self._thread.inference_fields(running, self._clocks.now_ms(), configs)
        running.signed = await self.record(running.body(), commit=running.content, **common)


async def _to_the_end(work: Awaitable[T]) -> T:
    """Await in a task that is being cancelled: what happened is recorded before the cancellation goes on."""
    return await asyncio.shield(asyncio.ensure_future(work))
