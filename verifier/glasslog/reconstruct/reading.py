"""What a reconstruction asks of a log, whatever answers: a server, or a folder with what a server once answered.

Nothing that comes back is trusted: entries are known by their hash, bundles are verified, and a list is no more than
what its giver says. An answer that there is nothing is an answer; everything else that goes wrong is an
UncheckableError, so that silence and trouble are never taken for each other.
"""

from dataclasses import dataclass
from typing import Protocol

from glasslog.merkle import Hash, TreeSize


@dataclass(frozen=True, slots=True)
class Listing:
    """The ids of entries about one subject, in the order of the log. `is_whole` is False when there are more."""

    entry_ids: tuple[Hash, ...]
    is_whole: bool = True


class DecisionLog(Protocol):
    """Read what a log has about a subject. Methods raise AbsentError for what is not there, and UncheckableError."""

    @property
    def name(self) -> str:
        """Return what a person calls this source."""
        ...

    def entries_about(self, subject: str) -> Listing:
        """Return the ids of the entries about a subject; an empty list is an answer."""
        ...

    def statement(self, entry_id: Hash) -> bytes:
        """Return an entry, the Signed Statement."""
        ...

    def bundle(self, entry_id: Hash) -> bytes:
        """Return the evidence bundle of an entry."""
        ...

    def consistency(self, old: TreeSize, new: TreeSize) -> tuple[Hash, ...]:
        """Return the path that shows the tree of one size to be a prefix of the tree of a larger one."""
        ...
