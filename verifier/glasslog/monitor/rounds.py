"""Look at a log once: audit what is new, and say what is wrong that was not told before.

The log is asked for its checkpoint first, because its origin says whose state that belongs to: where another log of the
same trust takes the place of one that was closed, the monitor begins a state of its own for it. An empty log is waited
for. A log that cannot be had is told after a while; one that shows what does not verify at once.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from glasslog.audit.database import Database
from glasslog.audit.facts import subject_of
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.scope import Scope
from glasslog.checkpoint import Checkpoint
from glasslog.errors import GlasslogError, UncheckableError
from glasslog.mirror.audit import Audited, Request, audit
from glasslog.mirror.progress import Progress, Silence
from glasslog.mirror.state import DATABASE, EVIDENCE, Place
from glasslog.mirror.sync import Trust
from glasslog.monitor.alert import (
    ROTATED,
    STALE,
    UNREACHABLE,
    WATCHED,
    Alert,
    alert_of_finding,
    alert_of_step,
)
from glasslog.monitor.journal import Journal, read_journal, write_journal
from glasslog.sources.folder import read_file, write_file
from glasslog.sources.source import LogSource
from glasslog.verify import Status

SMALL_ENTRIES: Final = 2_048
"""So many new entries are verified in this process: starting others would cost more."""
WATCHED_MAX: Final = 1_000  # entries about one subject, told in one round
_MS_PER_S: Final = 1_000
_CURRENT: Final = "current-origin"
_ORIGIN_BYTES_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched and how patiently. Times are in seconds.

    `grace_s` is left to records that are on their way before a duty counts as neglected. A checkpoint is stale when the
    newest tree head is older than `stale_after_s`. `subjects` are decisions or systems whose every entry is told.
    """

    issuers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    checks: Collection[str] = ()
    grace_s: float = 60.0
    stale_after_s: float = 86_400.0
    unreachable_after_s: float = 300.0
    processes: int = 1


@dataclass(slots=True)
class Round:
    """What came out of looking at a log once. `journal` is what to remember when the alerts were handed out."""

    origin: str | None
    alerts: list[Alert]
    size: int | None = None
    head_time_s: float | None = None
    journal: Journal | None = None
    folder: Path | None = None
    reachable: bool = True

    def remember(self) -> None:
        """Write down that everything was told."""
        if self.journal is not None and self.folder is not None:
            write_journal(self.folder, self.journal)


@dataclass(slots=True)
class LogWatcher:
    """Watch one source. `state` holds a folder for each log that it ever showed."""

    source: LogSource
    state: Path
    trust: Trust
    watch: Watch
    progress: Progress = field(default_factory=Silence)

    def look(self, now_s: float) -> Round:
        """Look once, at the time `now_s` (POSIX seconds). Raises UncheckableError when the state cannot be used."""
        try:
            note = self.source.checkpoint()
        except UncheckableError as error:
            return self._unreachable(error, now_s)
        try:
            head = self.trust.open(note).checkpoint
        except GlasslogError as error:
            return self._not_the_logs(note, error)
        folder = self._folder(head.origin)
        journal = read_journal(folder, head.origin)
        rotated = self._rotated(head)
        if head.size == 0:
            return Round(head.origin, _new(journal, rotated), 0, None, journal.after([]), folder)
        try:
            return self._audit(head, folder, journal, rotated, now_s)
        except UncheckableError as error:
            return self._failing(head.origin, folder, journal, error, now_s)

    # ----------------------------------------------------------------------------------------------- a log that answers

    def _audit(self, head: Checkpoint, folder: Path, journal: Journal, alerts: list[Alert], now_s: float) -> Round:
        due_ms = int((now_s - self.watch.grace_s) * _MS_PER_S)
        scope = Scope(
            issuers=self.watch.issuers, systems=self.watch.systems, since=journal.resume_from, as_of=max(due_ms, 0)
        )
        before = _entries(folder)
        processes = self.watch.processes if head.size - before > SMALL_ENTRIES else 0
        keys = tuple(key for key in self.trust.log_keys if key.name == head.origin)
        trust = replace(self.trust, log_keys=keys)
        request = Request(self.source, Place(), folder, trust, scope, self.watch.checks, processes)

        def told(finding: Finding, ids: list[str]) -> None:
            alerts.append(alert_of_finding(head.origin, finding, ids))

        audited = audit(request, self.progress, told)
        failed = [step for step in audited.steps if step.status is Status.FAILED]
        if audited.result is None:
            unsure = [step for step in audited.steps if step.status is Status.COULD_NOT_CHECK]
            if unsure and not failed:
                raise UncheckableError(unsure[0].reason or "could not check the log")
        known = {alert.message for alert in alerts}
        alerts += [
            alert
            for alert in (alert_of_step(head.origin, step) for step in failed)
            if not any(message in alert.message for message in known)  # the finding says it better
        ]
        head_time_s = self._time_of(folder)
        alerts += self._stale(head.origin, head_time_s, now_s)
        alerts += self._watched(head.origin, folder, before)
        alerts = [_with_evidence(alert, folder) for alert in alerts]
        new = _new(journal, alerts)
        remembered = journal.after([alert.digest for alert in new], resume_from=_resume(audited))
        return Round(head.origin, new, head.size, head_time_s, remembered, folder)

    def _stale(self, origin: str, head_time_s: float | None, now_s: float) -> Iterator[Alert]:
        if head_time_s is not None and now_s - head_time_s > self.watch.stale_after_s:
            message = f"the log's newest tree head is {now_s - head_time_s:,.0f} s old"
            yield Alert(STALE, Severity.HIGH, origin, message, str(head_time_s))

    def _watched(self, origin: str, folder: Path, since: int) -> Iterator[Alert]:
        """Yield every new entry about what somebody wants to be told of."""
        if not self.watch.subjects:
            return
        database = Database.open(folder / DATABASE)
        try:
            for subject in sorted(self.watch.subjects):
                rows = database.execute(
                    "SELECT e.entry, e.leaf, o.type FROM entries e JOIN shapes s ON s.number = e.shape"
                    " JOIN sources o ON o.number = s.source"
                    " WHERE e.subject = ? AND e.entry >= ? ORDER BY e.entry LIMIT ?",
                    (subject_of(subject), since, WATCHED_MAX),
                )
                for entry, leaf, record_type in rows:
                    message = f"entry {entry} about {subject}: {record_type or 'other content'}"
                    ids = (bytes(leaf).hex(),)
                    yield Alert(WATCHED, Severity.LOW, origin, message, str(entry), subject=subject, entry_ids=ids)
        finally:
            database.close()

    def _rotated(self, head: Checkpoint) -> list[Alert]:
        """Return the alert for a log in the place of another one, and remember which it is now."""
        path = self.state / _CURRENT
        before = read_file(path, _ORIGIN_BYTES_MAX).decode(errors="replace").strip() if path.exists() else None
        if before == head.origin:
            return []
        write_file(path, f"{head.origin}\n".encode())
        if before is None:
            return []
        message = f"{self.source.name} shows the log {head.origin} in the place of {before}"
        return [Alert(ROTATED, Severity.LOW, head.origin, message, before)]

    def _time_of(self, folder: Path) -> float | None:
        database = Database.open(folder / DATABASE)
        try:
            newest = database.newest_time
        finally:
            database.close()
        return None if newest is None else newest / _MS_PER_S

    # ------------------------------------------------------------------------------------------- a log that does not

    def _unreachable(self, error: UncheckableError, now_s: float) -> Round:
        path = self.state / _CURRENT
        if not path.exists():
            return Round(None, [], reachable=False)
        origin = read_file(path, _ORIGIN_BYTES_MAX).decode(errors="replace").strip()
        folder = self._folder(origin)
        return self._failing(origin, folder, read_journal(folder, origin), error, now_s)

    def _failing(self, origin: str, folder: Path, journal: Journal, error: UncheckableError, now_s: float) -> Round:
        since = journal.failing_since or now_s
        alerts = []
        if now_s - since >= self.watch.unreachable_after_s:
            message = f"the log could not be looked at for {now_s - since:,.0f} s: {error}"
            alerts = _new(journal, [Alert(UNREACHABLE, Severity.HIGH, origin, message, str(since))])
        remembered = journal.failing(now_s, [alert.digest for alert in alerts])
        return Round(origin, alerts, journal=remembered, folder=folder, reachable=False)

    def _not_the_logs(self, note: bytes, error: GlasslogError) -> Round:
        """Tell of a checkpoint that no trusted log signed, and keep it."""
        name = self.source.name
        folder = self._folder(name)
        digest = hashlib.sha256(note).hexdigest()
        evidence = folder / EVIDENCE / f"checkpoint-{digest[:16]}"
        evidence.parent.mkdir(exist_ok=True)
        if not evidence.exists():
            write_file(evidence, note)
        journal = read_journal(folder, name)
        message = f"{name} shows a checkpoint that is not of a trusted log: {error}"
        alert = Alert("checkpoint", Severity.CRITICAL, name, message, digest, evidence=str(evidence))
        new = _new(journal, [alert])
        return Round(None, new, journal=journal.after([alert.digest for alert in new]), folder=folder)

    def _folder(self, origin: str) -> Path:
        """Return the folder of one log: its name as far as a file may have it, and a part of its hash."""
        readable = re.sub(r"[^A-Za-z0-9.-]+", "_", origin)[:80]
        folder = self.state / f"{readable}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"cannot make the folder {folder}: {error.strerror}"
            raise UncheckableError(msg) from error
        return folder


def _new(journal: Journal, alerts: list[Alert]) -> list[Alert]:
    """Return what was not told before, each once."""
    seen = set(journal.known)
    new = []
    for alert in alerts:
        if alert.digest not in seen:
            seen.add(alert.digest)
            new.append(alert)
    return new


def _resume(audited: Audited) -> int | None:
    return audited.result.resume_from if audited.result is not None else None


def _entries(folder: Path) -> int:
    if not (folder / DATABASE).exists():
        return 0
    database = Database.open(folder / DATABASE)
    try:
        return database.next_index
    finally:
        database.close()


def _with_evidence(alert: Alert, folder: Path) -> Alert:
    """Return the alert with the whole path of its evidence."""
    return alert if alert.evidence is None else replace(alert, evidence=str(folder / EVIDENCE / alert.evidence))
