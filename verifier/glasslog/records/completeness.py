"""The bodies that let absence show: heartbeats of controls, seals of windows, counts held against other counters."""

from typing import Final

from glasslog.records.parts import PERIOD, in_order
from glasslog.records.schema import (
    Relation,
    array,
    boolean,
    closed_map,
    open_map,
    text,
    time_ms,
    token,
    unsigned,
    uuid7,
)

STATUSES_MAX: Final = 64

CONTROL_OPERATION: Final = closed_map(
    {
        "control": token,
        "period": PERIOD,
        "count": unsigned(),
        "by_status": open_map(unsigned(), STATUSES_MAX),
        "healthy": boolean,
    },
    {"exceptions": array(uuid7)},
    relations=[
        Relation(
            ("count", "by_status"),
            lambda count, by_status: sum(by_status.values()) == count,
            "numbers that add up to count",
        )
    ],
)
"""The heartbeat of a declared control: how often it operated in the period, also when that is not at all.

`control` is the id under which a `system-registration` declares it, `exceptions` are the ids of records about what went
wrong. A log without a heartbeat shows that the control, or its reporting, stood still.
"""

_STREAM: Final = closed_map(
    {"id": token, "first_seq": unsigned(), "last_seq": unsigned(), "count": unsigned()},
    relations=[
        Relation(
            ("first_seq", "last_seq", "count"),
            lambda first, last, count: count <= last + 1 - first,
            "no more than the numbers from first_seq to last_seq",
        )
    ],
)

WINDOW_SEAL: Final = closed_map(
    {
        "from": time_ms,
        "to": time_ms,
        "tree_size_start": unsigned(),
        "tree_size_end": unsigned(),
        "streams": array(_STREAM, distinct="id"),
    },
    relations=[in_order("from", "to"), in_order("tree_size_start", "tree_size_end")],
)
"""The issuer's word for how much there is: every stream of a window of time, with its first and last number.

A stream of which the window holds nothing has the count 0 and a `last_seq` that is one below `first_seq`, the number
that is next.
"""

COVERAGE_RECONCILIATION: Final = closed_map(
    {
        "source": closed_map({"name": text(), "counter": text()}),
        "from": time_ms,
        "to": time_ms,
        "matched": unsigned(),
        "observed_unrecorded": unsigned(),
        "recorded_unobserved": unsigned(),
        "excluded": unsigned(),
        "indeterminate": unsigned(),
    },
    relations=[in_order("from", "to")],
)
"""The log held against a counter that the recording software does not keep: a gateway, an invoice, a worklist."""
