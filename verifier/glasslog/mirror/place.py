"""Where an audit reads the log: in its own state folder, or in place.

Worker processes are told a place and open it for themselves, so this module knows of nothing but sources.
"""

from dataclasses import dataclass
from pathlib import Path

from glasslog.sources.archive import ArchiveSource
from glasslog.sources.directory import DirectorySource
from glasslog.sources.source import LogSource


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log is read: `kind` is `state` (mirrored here), `archive` or `folder` (in place, at `path`)."""

    kind: str = "state"
    path: str = ""


def open_place(state: Path, place: Place) -> LogSource:
    """Return what reads a log from where it is on this machine; worker processes call this too."""
    if place.kind == "archive":
        return ArchiveSource(Path(place.path))
    return DirectorySource(Path(place.path) if place.kind == "folder" else state)
