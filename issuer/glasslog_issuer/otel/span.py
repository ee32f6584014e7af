"""A finished span as plain data, so that what becomes of it needs no OpenTelemetry package and no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span: an event of the span, or one logged in its context. Time in POSIX ns."""

    name: str
    time_ns: int
    attributes: Mapping[str, object] = field(repr=False)
    body: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SpanData:
    """What a span says. Ids are of 16 and 8 bytes, times in POSIX nanoseconds.

    `service_version` is that of the service that made it; `lost` counts attributes and events that the SDK dropped
    because of its limits.
    """

    name: str
    kind: Kind
    trace_id: bytes
    span_id: bytes
    start_ns: int
    end_ns: int
    attributes: Mapping[str, object] = field(repr=False)
    events: tuple[Event, ...] = field(default=(), repr=False)
    failed: bool = False
    failure: str | None = field(default=None, repr=False)
    service_version: str | None = None
    lost: int = 0

    @property
    def start_ms(self) -> int:
        """Return when it began, in POSIX milliseconds."""
        return self.start_ns // _NS_PER_MS

    @property
    def end_ms(self) -> int:
        """Return when it ended, in POSIX milliseconds, rounded up."""
        return max(-(-self.end_ns // _NS_PER_MS), self.start_ms)

    @property
    def latency_ms(self) -> float:
        """Return how long it took, in milliseconds with three digits."""
        return round(max(self.end_ns - self.start_ns, 0) / _NS_PER_MS, 3)

    @property
    def trace(self) -> dict[str, bytes]:
        """Return its W3C trace context, as a record has it."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}
