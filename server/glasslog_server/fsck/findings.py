"""What a check of the store can find, counted by kind.

Memory is bounded: of each kind the first findings are kept whole and the others are only counted.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from glasslog.merkle import Hash, TreeSize

FINDINGS_KEPT_MAX: Final = 20
"""Findings of one kind that are kept with their message: enough to see where the damage starts."""


class Kind(StrEnum):
    """Name what is wrong; also the label in JSON output."""

    ENTRY_MISSING = "entry_missing"
    ENTRY_DAMAGED = "entry_damaged"
    ENTRY_UNAUTHORISED = "entry_unauthorised"
    LEAF_ROW = "leaf_row"
    SUBJECT_ROW = "subject_row"
    STREAM_ROW = "stream_row"
    TILE = "tile"
    HEAD_ROOT = "head_root"
    HEAD_NOTE = "head_note"
    HEAD_RECEIPT = "head_receipt"
    HEAD_ORDER = "head_order"
    POLICY = "policy"
    GUARD = "guard"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. `place` is the index of an entry or the size of a tree head."""

    kind: Kind
    place: int
    message: str


@dataclass(slots=True)
class Findings:
    """Collect findings: `counts` has all of them, `kept` the first of each kind."""

    counts: Counter[Kind] = field(default_factory=Counter)
    kept: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, place: int, message: str) -> None:
        """Take note of one."""
        self.counts[kind] += 1
        if self.counts[kind] <= FINDINGS_KEPT_MAX:
            self.kept.append(Finding(kind, place, message))


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and what was found. `size` and `root` are what the entries on disk lead to."""

    origin: str
    size: TreeSize
    root: Hash
    entry_bytes: int
    tiles: int
    heads: int
    findings: Findings

    @property
    def is_sound(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings.counts
