"""Sizes that were worked out once: those of words, and those of the names in a map.

Honest records repeat the same few words and the same few lists of names. A stranger may send any number of others, so
what a memo holds is bounded; when it is full it forgets everything and begins again, so no flood lasts longer than
itself.
"""

from collections.abc import Callable
from typing import Any, Final

WORDS_MAX: Final = 4_096
NAME_LISTS_MAX: Final = 256


class Memo(dict[Any, int]):
    """A mapping that works out what it lacks: `memo[key]` costs one look-up for a key that was seen before.

    What `work_out` raises is raised, and nothing is kept.
    """

    def __init__(self, work_out: Callable[[Any], int], entries_max: int) -> None:
        """Begin with nothing."""
        super().__init__()
        self._work_out = work_out
        self._entries_max = entries_max

    def __missing__(self, key: Any) -> int:  # noqa: ANN401  whatever a decoded value holds
        size = self._work_out(key)
        if len(self) >= self._entries_max:
            self.clear()
        self[key] = size
        return size
