"""What a monitor remembers of one log between two rounds, in a file beside the audit's state.

    {"v": 1, "origin": ..., "resume_from": index, "told": [digest, ...], "failing_since": POSIX seconds or null}

It is written after everything of a round was handed out, and in one step. A monitor that is killed in between hands out
some alerts again, and forgets none.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from glasslog.errors import MalformedError
from glasslog.sources.folder import read_file, write_file

JOURNAL: Final = "monitor.json"
VERSION: Final = 1
TOLD_MAX: Final = 100_000
"""Alerts remembered of one log; the oldest are forgotten first, and told again should they still hold."""
_BYTES_MAX: Final = 16 * 1_024 * 1_024


@dataclass(frozen=True, slots=True)
class Journal:
    """What is remembered. `resume_from` is the `since` of the next audit; `told` are digests, the oldest first."""

    origin: str
    resume_from: int = 0
    told: tuple[str, ...] = ()
    failing_since: float | None = None
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(self.told))

    def after(self, digests: list[str], *, resume_from: int | None = None) -> "Journal":
        """Return the journal of a log that answered, and of which these alerts were told now."""
        told = (*self.told, *digests)[-TOLD_MAX:]
        resume = self.resume_from if resume_from is None else resume_from
        return replace(self, resume_from=resume, told=told, failing_since=None)

    def failing(self, since: float, digests: list[str]) -> "Journal":
        """Return the journal of a log that does not answer."""
        told = (*self.told, *digests)[-TOLD_MAX:]
        return replace(self, told=told, failing_since=self.failing_since or since)


def read_journal(folder: Path, origin: str) -> Journal:
    """Return what is remembered of a log, nothing when there is no file. Raises MalformedError, UncheckableError."""
    path = folder / JOURNAL
    if not path.exists():
        return Journal(origin)
    try:
        return _decode(json.loads(read_file(path, _BYTES_MAX)), origin)
    except (ValueError, KeyError, TypeError) as error:
        msg = f"expected what a monitor of {origin} remembers in {path}, got something else"
        raise MalformedError(msg) from error


def write_journal(folder: Path, journal: Journal) -> None:
    """Keep what is remembered. Raises UncheckableError."""
    document = {
        "v": VERSION,
        "origin": journal.origin,
        "resume_from": journal.resume_from,
        "told": list(journal.told),
        "failing_since": journal.failing_since,
    }
    write_file(folder / JOURNAL, json.dumps(document).encode() + b"\n")


def _decode(document: Any, origin: str) -> Journal:  # noqa: ANN401 (whatever the file holds)
    if (document["v"], document["origin"]) != (VERSION, origin):
        raise ValueError
    resume, told, failing = document["resume_from"], document["told"], document["failing_since"]
    if type(resume) is not int or resume < 0 or not isinstance(failing, float | int | None):
        raise TypeError
    if not isinstance(told, list) or not all(isinstance(digest, str) for digest in told):
        raise TypeError
    return Journal(origin, resume, tuple(told[-TOLD_MAX:]), failing)
