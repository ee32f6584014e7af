"""What lets absence show: heartbeats of controls, seals of windows, counts held against other counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glasslog_issuer.bodies.body import Body
from glasslog_issuer.bodies.parts import Period


@dataclass(frozen=True, kw_only=True)
class ControlOperation(Body, record_type="control-operation"):
    """Whether a control ran, and how often: the heartbeat, sent also when `count` is zero.

    `by_status` adds up to `count`; `exceptions` are record ids, 16 bytes each.
    """

    control: str
    period: Period
    count: int
    by_status: Mapping[str, int]
    healthy: bool
    exceptions: Sequence[bytes] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedStream:
    """What a window holds of one stream. For nothing, `count` is 0 and `last_seq` one below `first_seq`."""

    id: str
    first_seq: int
    last_seq: int
    count: int


@dataclass(frozen=True, kw_only=True)
class WindowSeal(Body, record_type="window-seal"):
    """How much there is of every stream in a window of time: [from_, to) in POSIX milliseconds.

    `tree_size_start` and `tree_size_end` are the sizes of the log, in entries, between which the window lies.
    """

    from_: int
    to: int
    tree_size_start: int
    tree_size_end: int
    streams: Sequence[SealedStream]


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterSource:
    """Who counts besides the recording software (a gateway, an invoice, a worklist), and by which counter."""

    name: str
    counter: str


@dataclass(frozen=True, kw_only=True)
class CoverageReconciliation(Body, record_type="coverage-reconciliation"):
    """What somebody else counted that is not recorded, and the other way round, in [from_, to), POSIX milliseconds."""

    source: CounterSource
    from_: int
    to: int
    matched: int
    observed_unrecorded: int
    recorded_unobserved: int
    excluded: int
    indeterminate: int
