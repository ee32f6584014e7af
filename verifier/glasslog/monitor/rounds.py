"""Look at a place where logs are shown, once: whose checkpoint is there, and what is wrong that was not told before.

The checkpoint comes first, because its origin says whose state that belongs to: where another log of the same trust
takes the place of one that was closed, the monitor begins a state of its own for it, and asks nothing more of the old
one. An empty log is waited for. A log that cannot be had is told after a while; one that shows what does not verify at
once.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from glasslog.audit.finding import Severity
from glasslog.checkpoint import Checkpoint
from glasslog.errors import GlasslogError, MalformedError, UncheckableError
from glasslog.heads import KeptHead
from glasslog.merkle import TreeSize
from glasslog.mirror.evidence import EVIDENCE, checkpoint_name, keep
from glasslog.mirror.progress import Progress, Silence
from glasslog.mirror.sync import Trust
from glasslog.monitor.alert import CHECKPOINT, ROTATED, UNREACHABLE, Alert
from glasslog.monitor.journal import Journal, read_journal, set_aside, write_journal
from glasslog.monitor.log_audit import LogAudit
from glasslog.monitor.sieve import Sieve
from glasslog.monitor.watch import Watch
from glasslog.sources import source as source_names
from glasslog.sources.source import LogSource
from glasslog.tiles import BundleId, TileId

_NAME_CHARACTERS: Final = 80
_HASH_CHARACTERS: Final = 8


@dataclass(slots=True)
class Round:
    """What came out of looking at a place once. `complaints` are why something could not be looked at.

    `memories` is what to remember when the alerts were handed out, by folder. `clean` says that the log was looked at,
    and is what it signed.
    """

    origin: str | None
    alerts: list[Alert]
    memories: list[tuple[Path, Journal]]
    clean: bool = True
    complaints: list[str] = field(default_factory=list)
    size: int | None = None
    head_time_s: float | None = None

    def remember(self) -> None:
        """Write down that everything was told: of the log first, then of the place. Raises UncheckableError."""
        for folder, journal in self.memories:
            write_journal(folder, journal)


@dataclass(slots=True)
class LogWatcher:
    """Watch one place. `state` holds a folder for each log that it ever showed."""

    source: LogSource
    state: Path
    trust: Trust
    watch: Watch
    progress: Progress = field(default_factory=Silence)
    _complaints: list[str] = field(default_factory=list)

    def look(self, now_s: float) -> Round:
        """Look once, at the time `now_s` (POSIX seconds). Raises UncheckableError when the state cannot be used."""
        self._complaints = []
        place = self._journal(self.state)
        try:
            note = self.source.checkpoint()
        except UncheckableError as error:
            return self._unreachable(place, str(error), now_s)
        try:
            head = self.trust.open(note).checkpoint
        except GlasslogError as error:
            return self._strange(place, note, error, now_s)
        return self._look_at(note, head, place, now_s)

    def _look_at(self, note: bytes, head: Checkpoint, place: Journal, now_s: float) -> Round:
        folder = folder_for(self.state, head.origin)
        journal = self._journal(folder, head.origin)
        rotation = Sieve(place, now_s)
        if place.origin not in {"", head.origin}:
            rotation.take(self._rotated(head, place))
        here = replace(rotation.remembered(), origin=head.origin)
        shown = self._round(head.origin, rotation.new, [(self.state, replace(here, failing_since_s=None))])
        shown.size = head.size
        if head.size == 0 and not (folder / source_names.CHECKPOINT).exists():
            return shown
        log = LogAudit(_Showing(self.source, note), head, folder, self.watch, self.progress)
        looked = log.look(self.trust, journal, now_s)
        shown.alerts += looked.alerts
        shown.memories.insert(0, (folder, looked.remembered))
        shown.head_time_s = looked.head_time_s
        shown.clean = not looked.failed and looked.unsure is None
        if looked.failed:
            shown.complaints.append("the log does not show what it signed")
        if looked.unsure is not None:
            self._add_failure(shown, replace(here, standing=place.standing), head.origin, looked.unsure, now_s)
        return shown

    def _rotated(self, head: Checkpoint, place: Journal) -> Alert:
        message = f"{self.source.name} shows the log {head.origin} in the place of {place.origin}"
        return Alert(ROTATED, Severity.LOW, head.origin, message, (place.origin,))

    # ----------------------------------------------------------------------------------- a log that cannot be looked at

    def _unreachable(self, place: Journal, reason: str, now_s: float) -> Round:
        looked = self._round(place.origin or None, [], [], clean=False)
        self._add_failure(looked, place, place.origin or self.source.name, reason, now_s)
        return looked

    def _add_failure(self, looked: Round, place: Journal, log: str, reason: str, now_s: float) -> None:
        """Note since when a log could not be looked at, and tell of it after a while."""
        since = now_s if place.failing_since_s is None else min(place.failing_since_s, now_s)
        sieve = Sieve(place, now_s)
        if now_s - since >= self.watch.unreachable_after_s:
            message = f"the log could not be looked at for {now_s - since:,.0f} s: {reason}"
            sieve.take(Alert(UNREACHABLE, Severity.HIGH, log, message, (UNREACHABLE,), stands=True))
        looked.alerts += sieve.new
        looked.complaints.append(reason)
        remembered = replace(sieve.remembered(), failing_since_s=since)
        looked.memories = [memory for memory in looked.memories if memory[0] != self.state]
        looked.memories.append((self.state, remembered))

    def _strange(self, place: Journal, note: bytes, error: GlasslogError, now_s: float) -> Round:
        """Tell of a checkpoint that no trusted log signed, and keep it."""
        name = self.source.name
        message = f"{name} shows a checkpoint that is not of a trusted log: {error}"
        kept = keep(self.state / EVIDENCE, checkpoint_name(note), note)
        evidence = None if kept is None else str(kept)
        alert = Alert(CHECKPOINT, Severity.CRITICAL, name, message, (error.code,), evidence=evidence, stands=True)
        sieve = Sieve(place, now_s)
        sieve.take(alert)
        looked = self._round(None, sieve.new, [(self.state, sieve.remembered())], clean=False)
        looked.complaints.append(message)
        return looked

    # ------------------------------------------------------------------------------------------------------------ below

    def _round(
        self, origin: str | None, alerts: list[Alert], memories: list[tuple[Path, Journal]], *, clean: bool = True
    ) -> Round:
        return Round(origin, alerts, memories, clean, self._complaints)

    def _journal(self, folder: Path, origin: str | None = None) -> Journal:
        """Return what is remembered, and nothing where it is damaged."""
        try:
            return read_journal(folder, origin)
        except MalformedError as error:
            self._complaints.append(f"{error}; it is {set_aside(folder)} now, and everything is told again")
            return Journal(origin or "")


class _Showing:
    """A source that shows the checkpoint that was read of it before: one round is about one tree."""

    def __init__(self, source: LogSource, note: bytes) -> None:
        self._source = source
        self._note = note

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def readers(self) -> int:
        return self._source.readers

    def checkpoint(self) -> bytes:
        return self._note

    def tile(self, tile: TileId, width: int) -> bytes:
        return self._source.tile(tile, width)

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        return self._source.bundle(bundle, width)

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        return self._source.heads(start)

    def seen(self) -> Iterator[bytes]:
        return self._source.seen()

    def close(self) -> None:
        self._source.close()


def folder_for(state: Path, name: str) -> Path:
    """Return the folder of a log or a place: its name as far as a file may have it, and a part of its hash.

    It is made if need be. Raises UncheckableError.
    """
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:_NAME_CHARACTERS].strip("._-")
    folder = state / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {folder}: {error.strerror}"
        raise UncheckableError(msg) from error
    return folder
