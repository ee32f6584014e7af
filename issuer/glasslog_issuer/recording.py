"""What takes records, for everything that makes them: one call, which any source of records can be given.

    sources (your program, OpenTelemetry spans, guardrail results) -> `Recording.record` -> a signed record

`glasslog_issuer.recorder.Recorder` is the one for production: it keeps what it signs until the log has it.
`DirectRecording` signs with an `Issuer` and hands each record on, which is enough for tests and for short programs that
submit by themselves. A Recording signs; whether a record is in the log already is no business of its callers.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, Unpack, runtime_checkable

from glasslog_issuer.bodies import Body
from glasslog_issuer.record import CommonFields, Issuer, SignedRecord


@runtime_checkable
class Recording(Protocol):
    """Takes records of one AI system. May be shared by threads."""

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign a record and keep it as the Recording promises; return it.

        `decision` is the URN that the record is about (`Issuer.sign` says what None means); `commit` maps names to
        content. `subject` is the vendor's own opaque name for the person whose data the content is: it chooses the key
        under which a vault keeps it, and never reaches the log. Raises MalformedError, naming the field, for what the
        schema refuses: then nothing was recorded and no number was used up.
        """
        ...


class DirectRecording:
    """Sign with an issuer and hand each record to a callback, with the subject that it was recorded under.

    The callback is called before the number is used up: when it raises, nothing was recorded.
    """

    def __init__(self, issuer: Issuer, keep: Callable[[SignedRecord, str | None], object] = lambda *_: None) -> None:
        """Take who signs, and what is done with each signed record."""
        self._issuer = issuer
        self._keep = keep

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign, hand on, return: see `Recording.record`."""
        with self._issuer.stream.turn() as turn:
            signed = self._issuer.sign_at(turn.place, body, decision=decision, commit=commit, **common)
            turn.take(signed.statement, signed.record)
            self._keep(signed, subject)
        return signed
