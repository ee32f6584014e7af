"""What a monitor remembers between two rounds: a file for each log, and one for each place where logs are shown.

    {"v": 2, "origin": ..., "asked": ..., "resume_from": index, "told": [digest, ...], "standing": [digest, ...],
     "episodes": {group: [start, end, size, told_at_s], ...}, "watched": {subject: index, ...}, "failing_since_s": ...}

It is written after everything of a round was handed out, and in one step. A monitor that is killed in between hands out
some alerts again, and loses none. A file that is no journal is set aside and everything is told again: it costs a
repetition, and no alert.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from glasslog.errors import MalformedError, UncheckableError
from glasslog.sources.folder import read_file, write_file

JOURNAL: Final = "monitor.json"
VERSION: Final = 2
_BYTES_MAX: Final = 64 * 1_024 * 1_024


class ToldEpisode(NamedTuple):
    """The newest episode of a group that was told: its time, the size of the tree then, and when."""

    start: int
    end: int
    size: int
    told_at_s: float


@dataclass(frozen=True, slots=True)
class Journal:
    """What is remembered.

    `resume_from` is the `since` of the next audit, of what was `asked`; `told` are digests of alerts, those that were
    not found for the longest time first; `standing` are those of conditions that lasted at the end of the last round.
    `watched` says of each subject up to which index its entries were told. `failing_since_s` is POSIX seconds.
    """

    origin: str = ""
    asked: str = ""
    resume_from: int = 0
    told: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()
    episodes: Mapping[str, ToldEpisode] = field(default_factory=dict)
    watched: Mapping[str, int] = field(default_factory=dict)
    failing_since_s: float | None = None


def read_journal(folder: Path, origin: str | None = None) -> Journal:
    """Return what is remembered of the log `origin`, or of a place; nothing when there is no file.

    Raises MalformedError for a file that is none, or is of another log; UncheckableError.
    """
    path = folder / JOURNAL
    if not path.exists():
        return Journal(origin or "")
    try:
        journal = _decode(json.loads(read_file(path, _BYTES_MAX)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"expected what a monitor remembers in {path}, got something else"
        raise MalformedError(msg) from error
    if origin is not None and journal.origin != origin:
        msg = f"expected what a monitor remembers of {origin} in {path}, got {journal.origin}"
        raise MalformedError(msg)
    return journal


def set_aside(folder: Path) -> Path:
    """Put a damaged journal out of the way, in the place of one before it; return where it is. Raises as `write`."""
    path = folder / JOURNAL
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as error:
        msg = f"cannot rename {path}: {error.strerror}"
        raise UncheckableError(msg) from error
    return aside


def write_journal(folder: Path, journal: Journal) -> None:
    """Keep what is remembered; nothing is written when it is what the file says. Raises UncheckableError."""
    with suppress(MalformedError):
        if (folder / JOURNAL).exists() and read_journal(folder) == journal:
            return
    document = {"v": VERSION, **asdict(journal)}
    write_file(folder / JOURNAL, json.dumps(document).encode() + b"\n")


def _decode(document: Any) -> Journal:  # noqa: ANN401 (whatever the file holds)
    if document.pop("v") != VERSION:
        raise ValueError
    episodes = {group: ToldEpisode._make(episode) for group, episode in document.pop("episodes").items()}
    told, standing = (_texts(document.pop(name)) for name in ("told", "standing"))
    journal = Journal(told=told, standing=standing, episodes=episodes, **document)
    numbers = [journal.resume_from, *journal.watched.values(), *(number for one in episodes.values() for number in one)]
    if journal.failing_since_s is not None:
        numbers.append(journal.failing_since_s)
    if not all(type(number) in {int, float} and number >= 0 for number in numbers):
        raise ValueError
    if not all(isinstance(text, str) for text in (journal.origin, journal.asked)) or type(journal.resume_from) is float:
        raise TypeError
    return journal


def _texts(values: Any) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError
    return tuple(values)
