"""How much a spool may hold, and how its user wants to be treated when that is reached."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog.limits import ENTRY_BYTES_MAX

Durability: TypeAlias = Literal["disk", "system"]
"""When a record is kept: when an fsync has returned, or when the operating system has it."""

OnFull: TypeAlias = Literal["block", "fail"]
"""What a caller wants when the spool is full: to wait for room, or to be told at once."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait to be sent, refused records included, and how large a segment becomes before the next begins.

    The folder holds at most `bytes_max`, two segments and what frames them.
    """

    bytes_max: int = 1_024 * 1_024 * 1_024
    records_max: int = 1_000_000
    segment_bytes: int = 4 * 1_024 * 1_024

    def __post_init__(self) -> None:
        """Refuse bounds that not one record fits."""
        if self.bytes_max < ENTRY_BYTES_MAX or self.records_max < 1 or self.segment_bytes < 1:
            msg = f"expected room for one record of {ENTRY_BYTES_MAX} bytes, got {self}"
            raise ValueError(msg)
