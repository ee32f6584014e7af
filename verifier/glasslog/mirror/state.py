"""The folder that an audit works in, and can be stopped in at any moment.

    checkpoint           the signed note of the tree that was mirrored last
    checkpoints/         every checkpoint of the log that was ever seen, verbatim
    tile/...             verified tiles and entry bundles (C2SP tlog-tiles), unless the log is read in place
    heads                kept heads up to the checkpoint
    heads.index          where in that file some of them start
    evidence/            forks that were proven, and what sources sent that does not fit the signed tree
    progress             where the log is read from, and which entries are the operator's
    audit.sqlite         facts of every entry that was replayed, and findings
    audit.json           the outcome of the last audit
    lock                 held while an audit runs

Every file is whole under its name or not there: it is written beside its place and renamed. What was written before a
power cut is not trusted for that: tiles above the checkpoint are hashed again when a mirror goes on, the replay hashes
every entry again, and `progress` carries a checksum. The database keeps its own promises.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from glasslog.checkpoint import Checkpoint
from glasslog.errors import UncheckableError
from glasslog.fork import FORK_SUFFIX
from glasslog.limits import FORK_BYTES_MAX, NOTE_BYTES_MAX
from glasslog.mirror.evidence import EVIDENCE, keep
from glasslog.mirror.place import Place, open_place
from glasslog.sources.directory import DirectorySource
from glasslog.sources.folder import read_file, write_file
from glasslog.sources.source import CHECKPOINT, CHECKPOINTS, HEADS, LogSource

DATABASE: Final = "audit.sqlite"
OUTCOME: Final = "audit.json"
PROGRESS: Final = "progress"
_LOCK: Final = "lock"
_PROGRESS_BYTES_MAX: Final = 64 * 1_024 * 1_024  # some ten bytes for each of the operator's entries
_CHECKSUM_CHARACTERS: Final = 64
_ROOT_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Standing:
    """What an audit goes on from: where the log is read, and which entries below `scanned` are the operator's.

    Each of these has its index and the log's time at which it was judged, in POSIX seconds. `damaged` says that files
    below the checkpoint were found spoiled and removed: the next mirroring looks at all of them.
    """

    place: Place = field(default_factory=Place)
    scanned: int = 0
    operator_entries: tuple[tuple[int, int], ...] = ()
    damaged: bool = False


class State:
    """One state folder, held by one audit at a time."""

    def __init__(self, path: Path, lock: BinaryIO) -> None:
        """Take the folder and its held lock; `open` is the way to call this."""
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> "State":
        """Open a state folder, or make one. Raises UncheckableError when it cannot be, or is in use."""
        try:
            for folder in (path, path / CHECKPOINTS, path / EVIDENCE):
                folder.mkdir(parents=True, exist_ok=True)
            lock = (path / _LOCK).open("ab")
        except OSError as error:
            msg = f"cannot use {path} as the state of an audit: {error.strerror}"
            raise UncheckableError(msg) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            msg = f"expected a state folder that no other audit uses, got {path}, which is in use"
            raise UncheckableError(msg) from error
        return cls(path, lock)

    def close(self) -> None:
        """Let another audit use the folder."""
        self._lock.close()

    @property
    def database_path(self) -> Path:
        """Return where the facts are."""
        return self.path / DATABASE

    @property
    def outcome_path(self) -> Path:
        """Return where the outcome of the last audit is."""
        return self.path / OUTCOME

    @property
    def heads_path(self) -> Path:
        """Return where the kept heads are."""
        return self.path / HEADS

    # ----------------------------------------------------------------------------------------------------- checkpoints

    def checkpoint(self) -> bytes | None:
        """Return the note of the tree that was mirrored last, or None."""
        path = self.path / CHECKPOINT
        return read_file(path, NOTE_BYTES_MAX) if path.exists() else None

    def write_checkpoint(self, note: bytes) -> None:
        """Make a tree the mirrored one: everything that it needs is there."""
        write_file(self.path / CHECKPOINT, note)

    def keep_seen(self, head: Checkpoint, note: bytes) -> None:
        """Keep a checkpoint for ever; the first note of a tree head stays."""
        path = self.path / CHECKPOINTS / f"{head.size:019d}-{head.root.hex()[:_ROOT_CHARACTERS]}"
        if not path.exists():
            write_file(path, note)

    def seen(self) -> Iterator[bytes]:
        """Yield every checkpoint that was kept, the smaller trees first."""
        return DirectorySource(self.path).seen()

    # -------------------------------------------------------------------------------------------------------- evidence

    def keep_evidence(self, name: str, data: bytes) -> None:
        """Keep what shows a fault, under its name, while there is room."""
        keep(self.path / EVIDENCE, name, data)

    def forks(self) -> Iterator[tuple[Path, bytes]]:
        """Yield the evidence of forks that was kept."""
        for path in sorted((self.path / EVIDENCE).glob(f"*{FORK_SUFFIX}")):
            yield path, read_file(path, FORK_BYTES_MAX)

    # -------------------------------------------------------------------------------------------------------- standing

    def standing(self) -> Standing:
        """Return what the last audit noted."""
        return read_standing(self.path)

    def write_standing(self, standing: Standing) -> None:
        """Note what the next audit goes on from."""
        body = json.dumps(asdict(standing)).encode() + b"\n"
        write_file(self.path / PROGRESS, body + hashlib.sha256(body).hexdigest().encode())

    # ------------------------------------------------------------------------------------------------------------ files

    def store(self, name: str, data: bytes) -> None:
        """Write a verified tile or bundle. Not synced: what a power cut spoils is hashed again and found out."""
        path = self.path / name
        partial = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror}"
            raise UncheckableError(msg) from error

    def holds(self, name: str) -> bool:
        """Tell whether a tile or bundle is there."""
        return (self.path / name).exists()

    def discard(self, name: str) -> None:
        """Remove a tile or bundle that is not what it was when it was verified."""
        (self.path / name).unlink(missing_ok=True)

    def reader(self, place: Place) -> LogSource:
        """Return what reads the log from where it is on this machine. Raises UncheckableError, MalformedError."""
        return open_place(self.path, place)


def open_state(path: Path) -> LogSource:
    """Return what reads the log of a state folder, for those who look at an audit that was made.

    Raises UncheckableError when there is none, or when the archive or folder that it was made from has gone.
    """
    if not (path / CHECKPOINT).exists():
        msg = f"expected the state of an audit in {path}, got a folder without a checkpoint"
        raise UncheckableError(msg)
    return open_place(path, read_standing(path).place)


def read_standing(state: Path) -> Standing:
    """Return what the last audit noted; nothing at all when the file is damaged, which costs time alone."""
    path = state / PROGRESS
    if not path.exists():
        return Standing()
    content = read_file(path, _PROGRESS_BYTES_MAX)
    body, checksum = content[:-_CHECKSUM_CHARACTERS], content[-_CHECKSUM_CHARACTERS:]
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return Standing()
    try:
        fields = json.loads(body)
        found = tuple((index, time) for index, time in fields["operator_entries"])
        return Standing(Place(**fields["place"]), fields["scanned"], found, fields["damaged"])
    except (KeyError, TypeError, ValueError):  # of another version
        return Standing()
