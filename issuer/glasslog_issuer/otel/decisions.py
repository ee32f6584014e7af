"""Which decision a span belongs to: what is said in its attributes or its context, or else its trace.

All records about one decision have one subject. A program says where a decision begins and ends:

    with decision(subject="patient-81") as urn:
        ...  # spans of this block, in this process

Where nobody says so, a trace is a decision. Its URN is made of the trace id (a UUID of version 5), so that all
processes which see the trace come to the same one. `glasslog.decision`, as an attribute or in the baggage, says it
across processes; a data subject's name stays in this process and goes to the vault alone.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from opentelemetry import baggage, context

from glasslog.limits import URI_BYTES_MAX
from glasslog_issuer.otel.conventions import DECISION

_NAMESPACE: Final = uuid.UUID("1b8f1f5e-6d0a-4f5c-9a63-5b1c2f0d7e44")  # of decisions that are made of trace ids
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_KEY: Final = context.create_key("glasslog-decision")


@dataclass(frozen=True, slots=True)
class Said:
    """What a context says: the decision's URN, and the vendor's own name for the person whose data it is about."""

    urn: str | None = None
    subject: str | None = None


@contextmanager
def decision(urn: str | None = None, *, subject: str | None = None) -> Iterator[str]:
    """Let all spans that are started in the block belong to one decision; give its URN, a new random one by default.

    `subject` is the vendor's own opaque name for the data subject, which never reaches the log nor a telemetry backend.
    """
    chosen = uuid.uuid4().urn if urn is None else checked_urn(urn)
    if chosen is None:
        msg = "expected the URN of a decision"
        raise ValueError(msg)
    token = context.attach(context.set_value(_KEY, Said(chosen, subject)))
    try:
        yield chosen
    finally:
        context.detach(token)


def said_in(current: context.Context | None) -> Said:
    """Return what a context says, the current one by default."""
    found = context.get_value(_KEY, current)
    if isinstance(found, Said):
        return found
    return Said(checked_urn(baggage.get_baggage(DECISION, current)))


def checked_urn(value: object) -> str | None:
    """Return a value that can be the subject of statements, and None for any other."""
    if isinstance(value, str) and len(value) <= URI_BYTES_MAX and _URI.fullmatch(value):
        return value
    return None


def decision_of_trace(trace_id: bytes, span_id: bytes = b"") -> str:
    """Return the URN of the decision that a trace is, or the span with which one of its decisions begins."""
    return uuid.uuid5(_NAMESPACE, trace_id.hex() + span_id.hex()).urn
