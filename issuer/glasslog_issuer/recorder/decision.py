"""Record everything about one decision under one URN, with the links between its records made here.

    with recorder.decision(subject="case 7", data_class=["phi"]) as d:
        with d.infer(...) as i:
            i.commit(input=case)
            ...
        d.oversight(...)

A record that follows another names it: an inference its attempt (`attempt`), a review the inference it reviews
(`reviews`), everything else the inference, or before there is one the attempt.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, Self, TypedDict, Unpack, cast

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Body,
    Contest,
    Explanation,
    Guardian,
    InferenceAttempt,
    Notice,
    Outcome,
    Oversight,
    Step,
)
from glasslog_issuer.bodies.inference import Position
from glasslog_issuer.clocks import Clocks, Stopwatch
from glasslog_issuer.record import CommonFields, SignedRecord
from glasslog_issuer.recorder.measuring import GuardrailInProgress, InferenceInProgress, InferenceRequest
from glasslog_issuer.recording import Recording

_REL_TO_INFERENCE: Final = {"oversight": "reviews"}


class Shared(TypedDict, total=False):
    """What all records of a decision say alike (RECORDS section 3): each may be said otherwise in a single record."""

    env: str
    tenant: bytes
    trace: Mapping[str, bytes]
    data_class: Sequence[str]
    retention: Mapping[str, Any]


class Thread:
    """What holds the records of a decision together: the URN, the shared fields, and what was recorded last."""

    def __init__(self, urn: str, shared: Shared, *, inference: bytes | None = None) -> None:
        """Begin, or go on behind an inference by the id of its record."""
        self.urn = urn
        self._shared = shared
        self._attempt: bytes | None = None
        self._inference = inference

    def common(self, record_type: str, given: CommonFields) -> CommonFields:
        """Return the common fields of the next record: what is shared, the links, and what was given for it alone."""
        links = self._links(record_type)
        fields = {**self._shared, **({"links": links} if links else {}), **given}
        return cast("CommonFields", fields)

    def inference_fields(self, running: InferenceInProgress, now_ms: int, configs: Sequence[bytes]) -> CommonFields:
        """Return time, end and links of an inference that has ended; `configs` are further ids that it ran under."""
        time = running.stopwatch.began_ms
        links: list[Mapping[str, Any]] = [*self._links("inference")]
        links += [{"rel": "config", "id": config} for config in configs]
        fields: CommonFields = {"time": time, "end": max(time, now_ms)}
        return {**fields, "links": links} if links else fields

    def took(self, signed: SignedRecord) -> SignedRecord:
        """Remember a record, for those that follow it."""
        match signed.record.type:
            case "inference-attempt":
                self._attempt, self._inference = signed.id, None
            case "inference":
                self._attempt, self._inference = None, signed.id
        return signed

    def _links(self, record_type: str) -> list[dict[str, object]]:
        if record_type == "inference-attempt":
            return []
        if record_type == "inference":
            return [] if self._attempt is None else [{"rel": "attempt", "id": self._attempt}]
        if self._inference is not None:
            return [{"rel": _REL_TO_INFERENCE.get(record_type, "inference"), "id": self._inference}]
        return [] if self._attempt is None else [{"rel": "attempt", "id": self._attempt}]


class DecisionRecorder:
    """Records about one decision. For one thread at a time; a decision may be gone on with later, by its URN."""

    def __init__(self, recording: Recording, clocks: Clocks, thread: Thread, subject: str | None) -> None:
        """Take what keeps the records. Use `Recorder.decision`."""
        self._recording = recording
        self._clocks = clocks
        self._thread = thread
        self._subject = subject

    @property
    def urn(self) -> str:
        """Return the URN of the decision: the `sub` of all its statements."""
        return self._thread.urn

    def record(
        self, body: Body, *, commit: Mapping[str, object] | None = None, **common: Unpack[CommonFields]
    ) -> SignedRecord:
        """Record anything about the decision. Raises what `Recorder.record` raises."""
        signed = self._recording.record(
            body,
            decision=self.urn,
            commit=commit,
            subject=self._subject,
            **self._thread.common(body.type(), common),
        )
        return self._thread.took(signed)

    @contextmanager
    def infer(
        self, *, configs: Sequence[bytes] = (), **request: Unpack[InferenceRequest]
    ) -> Iterator[InferenceInProgress]:
        """Record the inference that the block makes, with its time and latency, when the block ends.

        `configs` are the ids of further configurations that it runs under, such as the guardrails that must run.
        An exception ends the block as an inference with an error, and is raised again. Should the record fail then,
        that is raised, with the exception as its context.
        """
        running = InferenceInProgress(request, Stopwatch(self._clocks), self._clocks)
        try:
            yield running
        except BaseException as error:
            running.failed(error)
            self._record_inference(running, configs)
            raise
        self._record_inference(running, configs)

    @contextmanager
    def guardrail(
        self,
        *,
        guardian: Guardian,
        policy: AppliedPolicy,
        target: str,
        position: Position,
        fail: Literal["open", "closed"] = "closed",
    ) -> Iterator[GuardrailInProgress]:
        """Record the guardrail that the block runs as a record of its own, when the block ends.

        An exception in the block is recorded as the guardrail's failure, and is raised again.
        """
        running = GuardrailInProgress(guardian, policy, target, position, fail, self._clocks)
        try:
            yield running
        except BaseException as error:
            self.record(running.end(error), time=running.stopwatch.began_ms)
            raise
        self.record(running.end(None), time=running.stopwatch.began_ms)

    def attempt(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a model is about to be asked: the fields of an InferenceAttempt."""
        return self.record(InferenceAttempt(**fields), commit=commit)

    def step(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record a step on the way: the fields of a Step."""
        return self.record(Step(**fields), commit=commit)

    def oversight(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record what a person did about the decision (EU AI Act Article 14): the fields of an Oversight."""
        return self.record(Oversight(**fields), commit=commit)

    def notice(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a person was told (EU AI Act Articles 26(11) and 50): the fields of a Notice."""
        return self.record(Notice(**fields), commit=commit)

    def contest(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that a person objected (GDPR Article 22(3)): the fields of a Contest."""
        return self.record(Contest(**fields), commit=commit)

    def explanation(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record that reasons were asked for or given (EU AI Act Article 86): the fields of an Explanation."""
        return self.record(Explanation(**fields), commit=commit)

    def outcome(self, *, commit: Mapping[str, object] | None = None, **fields: Any) -> SignedRecord:  # noqa: ANN401
        """Record what turned out to be true (EU AI Act Article 72): the fields of an Outcome."""
        return self.record(Outcome(**fields), commit=commit)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: each record was kept when it was made."""

    def _record_inference(self, running: InferenceInProgress, configs: Sequence[bytes]) -> None:
        common = self._thread.inference_fields(running, self._clocks.now_ms(), configs)
        running.signed = self.record(running.body(), commit=running.content, **common)
