"""One round over one log that has shown a checkpoint of its own: audit what is new, and say what is wrong.

The audit is the one of `glasslog.mirror`, with everything that makes it incremental: what was mirrored and replayed is
not looked at again, and the checks begin where something is still pending. What is due is judged up to now, and not
much beyond the log's newest tree head: a log that has stopped is stale once, and neglects no more duties for ever. So a
clock that jumps a year ahead accuses nobody either.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from glasslog.audit.database import Database
from glasslog.audit.facts import subject_of
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.scope import Scope
from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint
from glasslog.errors import GlasslogError, UncheckableError
from glasslog.fork import FORK_SUFFIX
from glasslog.mirror.audit import SEEN, Audited, Request, audit
from glasslog.mirror.evidence import EVIDENCE
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Progress
from glasslog.mirror.state import DATABASE
from glasslog.mirror.sync import Trust
from glasslog.monitor.alert import (
    CONSISTENCY,
    FORK,
    FUTURE,
    ROLLBACK,
    STALE,
    WATCHED,
    Alert,
    alert_of_finding,
    alert_of_step,
)
from glasslog.monitor.journal import Journal
from glasslog.monitor.sieve import Sieve
from glasslog.monitor.watch import Watch
from glasslog.sources.source import CHECKPOINTS, LogSource
from glasslog.verify import Status, Step

WATCHED_MAX: Final = 1_000
"""Entries about one subject that are told in one round; the rest is told in the next ones."""
SEEN_MAX: Final = 256
"""Checkpoints kept of those that the newest tree is proven to continue."""
AHEAD_S_MAX: Final = 60.0
"""How far a log's clock may be ahead of ours."""
_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class LogRound:
    """What came of it. `unsure` is why something could not be looked at; then nothing is concluded from its absence."""

    alerts: list[Alert]
    remembered: Journal
    failed: bool = False
    unsure: str | None = None
    head_time_s: float | None = None


class LogAudit:
    """Look at the log of `head`, in its folder. `source` shows `head` as its checkpoint."""

    def __init__(self, source: LogSource, head: Checkpoint, folder: Path, watch: Watch, progress: Progress) -> None:
        """Take the log."""
        self._source = source
        self._head = head
        self._folder = folder
        self._watch = watch
        self._progress = progress

    def look(self, trust: Trust, journal: Journal, now_s: float) -> LogRound:
        """Look. Raises UncheckableError when the state folder cannot be used."""
        if journal.asked != self._watch.asked:
            journal = replace(journal, asked=self._watch.asked, resume_from=0)
        sieve = Sieve(journal, now_s, self._head.size)
        with _database_faults(self._folder):
            audited = self._audit(trust, journal, sieve, now_s)
            sieve.take_all(self._of_steps(audited.steps, sieve))
            head_time_s = self._head_time_s()
            sieve.take_all(self._of_times(head_time_s, now_s))
            watched, told_up_to = self._of_subjects(journal)
        if all(step.status in {Status.PASSED, Status.SKIPPED} for step in audited.steps):
            self._thin_out()
        unsure = next((step.reason for step in audited.steps if step.status is Status.COULD_NOT_CHECK), None)
        remembered = replace(sieve.remembered(), watched=told_up_to)
        if unsure is not None:  # a condition that was not looked for has not ended
            remembered = replace(remembered, standing=tuple({*remembered.standing, *journal.standing}))
        if audited.result is not None:
            remembered = replace(remembered, resume_from=audited.result.resume_from)
        failed = any(step.status is Status.FAILED for step in audited.steps)
        return LogRound([*sieve.new, *watched], remembered, failed, unsure, head_time_s)

    def _audit(self, trust: Trust, journal: Journal, sieve: Sieve, now_s: float) -> Audited:
        watch = self._watch
        scope = Scope(
            issuers=watch.issuers, systems=watch.systems, since=journal.resume_from, as_of=self._due_ms(now_s)
        )
        keys = tuple(key for key in trust.log_keys if key.name == self._head.origin)
        trust = replace(trust, log_keys=keys)
        request = Request(
            self._source, Place(), self._folder, trust, scope, watch.names, watch.processes, with_windows=False
        )

        def told(finding: Finding, ids: list[str]) -> None:
            alert = alert_of_finding(self._head.origin, finding, ids)
            sieve.take(alert if alert.evidence is None else replace(alert, evidence=self._evidence(alert.evidence)))

        return audit(request, self._progress, told)

    def _due_ms(self, now_s: float) -> int:
        """Return up to when duties are due: now, but for the grace, and as long as the log is not stale."""
        head_time_s = self._claimed_time_s()
        until_s = now_s if head_time_s is None else min(now_s, head_time_s + self._watch.stale_after_s)
        return max(int((until_s - self._watch.grace_s) * _MS_PER_S), 0)

    # --------------------------------------------------------------------------------------------------- the log itself

    def _of_steps(self, steps: Sequence[Step], sieve: Sieve) -> Iterator[Alert]:
        """Yield an alert for each step that failed, unless findings say it better."""
        for step in steps:
            is_told = step.check == SEEN and sieve.holds({FORK, ROLLBACK, CONSISTENCY})
            if step.status is Status.FAILED and not is_told:
                yield alert_of_step(self._head.origin, step, self._evidence_of_tree())

    def _of_times(self, head_time_s: float | None, now_s: float) -> Iterator[Alert]:
        if head_time_s is None:
            return
        if now_s - head_time_s > self._watch.stale_after_s:
            message = f"the log's newest tree head is {now_s - head_time_s:,.0f} s old"
            yield Alert(STALE, Severity.HIGH, self._head.origin, message, (STALE,), stands=True)
        if head_time_s - now_s > AHEAD_S_MAX:
            message = f"the log's newest tree head is {head_time_s - now_s:,.0f} s ahead of this machine's clock"
            yield Alert(FUTURE, Severity.MEDIUM, self._head.origin, message, (FUTURE,), stands=True)

    def _evidence(self, name: str) -> str | None:
        """Return where a piece of evidence is, if it was kept: there is a limit."""
        path = self._folder / EVIDENCE / name
        return str(path) if path.exists() else None

    def _evidence_of_tree(self) -> str | None:
        """Return what was kept of what does not fit the tree that was shown: the newest such file."""
        kept = [path for path in (self._folder / EVIDENCE).glob(f"{self._head.size}-*") if path.suffix != FORK_SUFFIX]
        return str(max(kept, key=lambda path: path.stat().st_mtime_ns)) if kept else None

    def _thin_out(self) -> None:
        """Remove old checkpoints: the newest signed tree has just been proven to continue every one of them.

        So they prove nothing that the tiles do not prove, and a monitor would compare more of them in every round.
        """
        folder = self._folder / CHECKPOINTS
        for name in sorted(path.name for path in folder.iterdir())[:-SEEN_MAX]:
            (folder / name).unlink(missing_ok=True)

    # ----------------------------------------------------------------------------------------------------- the database

    def _claimed_time_s(self) -> float | None:
        """Return what the newest tree head says of its time, which the audit has yet to verify."""
        try:
            newest = next(iter(self._source.heads(self._head.size)), None)
            return None if newest is None else float(newest.claimed_time(operator_issuer(self._head.origin)))
        except GlasslogError:
            return self._head_time_s()  # whatever is wrong with it is for the audit to say

    def _head_time_s(self) -> float | None:
        if not (self._folder / DATABASE).exists():
            return None
        database = Database.open(self._folder / DATABASE)
        try:
            newest = database.newest_time
        finally:
            database.close()
        return None if newest is None else newest / _MS_PER_S

    def _of_subjects(self, journal: Journal) -> tuple[list[Alert], dict[str, int]]:
        """Return an alert for each new entry about what is watched, and up to which entry each subject is told then."""
        alerts: list[Alert] = []
        told_up_to: dict[str, int] = {}
        if not self._watch.subjects:
            return alerts, told_up_to
        database = Database.open(self._folder / DATABASE)
        try:
            for subject in sorted(self._watch.subjects):
                found = list(self._entries_about(database, subject, journal.watched.get(subject, 0)))
                alerts += found
                cut_off = len(found) == WATCHED_MAX
                told_up_to[subject] = int(found[-1].keys[0]) + 1 if cut_off else database.next_index
        finally:
            database.close()
        return alerts, told_up_to

    def _entries_about(self, database: Database, subject: str, since: int) -> Iterator[Alert]:
        rows = database.execute(
            "SELECT e.entry, e.leaf, o.type, o.issuer, o.system FROM entries e JOIN shapes s ON s.number = e.shape"
            " JOIN sources o ON o.number = s.source"
            " WHERE e.subject = ? AND e.entry >= ? ORDER BY e.entry LIMIT ?",
            (subject_of(subject), since, WATCHED_MAX),
        )
        for entry, leaf, record_type, issuer, system in rows:
            message = f"entry {entry} about {subject}: {record_type or 'other content'}"
            about = (issuer, system, subject, (bytes(leaf).hex(),))
            yield Alert(WATCHED, Severity.LOW, self._head.origin, message, (str(entry),), *about)


@contextmanager
def _database_faults(folder: Path) -> Iterator[None]:
    """Turn what the database or the disk says into an error of this package."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        msg = f"cannot use {folder} as the state of a monitor: {error}"
        raise UncheckableError(msg) from error
