"""One audit, from the source to the outcome: numbered steps, then the checks over everything that was replayed.

A step that fails stops those that depend on it, as in `glasslog.verify`. What the replay finds wrong with single
entries does not: they are findings, and the checks run over the rest.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog.audit.database import Database, Head
from glasslog.audit.finding import Finding
from glasslog.audit.result import AuditResult, run_checks
from glasslog.audit.scope import Scope
from glasslog.checkpoint import TrustedCheckpoint
from glasslog.counting import counted
from glasslog.errors import AuthorityError, ProofError, RollbackError
from glasslog.mirror.chunk import CONSISTENCY
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Progress
from glasslog.mirror.replay import Outcome, replay
from glasslog.mirror.seen import Seen, compare_seen
from glasslog.mirror.state import State
from glasslog.mirror.sync import Shown, Synced, Trust, sync, take_checkpoint
from glasslog.policy import show_name
from glasslog.sources.source import LogSource
from glasslog.verify.report import Check, Step, Verdict, verdict_of
from glasslog.verify.steps import Part, Passed, Skipped, Steps

CHECKPOINT: Final = Check("checkpoint", "The log signed the checkpoint", "C2SP tlog-checkpoint")
QUORUM: Final = Check("quorum", "Enough witnesses cosigned the checkpoint", "C2SP tlog-policy")
MIRROR: Final = Check("mirror", "Tiles and entries lead to the signed root", "C2SP tlog-tiles; RFC 9162 section 2.1.1")
SEEN: Final = Check("consistency", "The tree extends every one ever seen", "RFC 9162 section 2.1.4")
REPLAY: Final = Check("replay", "Every entry is in the tree and was judged", "RFC 9943, Registration; RFC 9052 4.4")
LOG_KEY: Final = Check("log-key", "The operator's policy names the log's key", "RFC 9943, Registration Policies")

Told = Callable[[Finding, list[str]], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be audited, how, and by whom it is trusted. `names` are the checks to run, all when empty.

    `with_windows` adds what a report draws of the period, which costs passes over the whole log.
    """

    source: LogSource
    place: Place
    state: Path
    trust: Trust
    scope: Scope
    names: Collection[str] = ()
    processes: int = 1
    with_windows: bool = True


@dataclass(frozen=True, slots=True)
class Audited:
    """The outcome. `result` is None when the log could not be replayed, and `synced` when it could not be read."""

    steps: tuple[Step, ...]
    synced: Synced | None
    replayed: Outcome | None
    result: AuditResult | None

    @property
    def verdict(self) -> Verdict:
        """Return what the steps come to, findings included."""
        verdict = verdict_of(self.steps)
        return Verdict.FAILED if self.result is not None and self.result.findings else verdict


def audit(request: Request, progress: Progress, told: Told | None = None) -> Audited:
    """Audit a log. `told` gets every finding with the ids of its entries.

    What is wrong with the log or its source is a step or a finding. Raises UncheckableError when the state folder
    cannot be used.
    """
    state = State.open(request.state)
    try:
        database = Database.open(state.database_path)
        try:
            return _Audit(request, state, database, progress).run(told)
        finally:
            database.close()
    finally:
        state.close()


class _Audit:
    def __init__(self, request: Request, state: State, database: Database, progress: Progress) -> None:
        self._request = request
        self._trust = request.trust
        self._state = state
        self._database = database
        self._progress = progress
        self._steps = Steps()
        self._keys_named: frozenset[bytes] = frozenset()

    def run(self, told: Told | None) -> Audited:
        take = self._steps.take
        shown = take(CHECKPOINT, self._take_checkpoint)
        take(QUORUM, lambda: self._check_quorum(shown.get().trusted))
        synced = take(MIRROR, lambda: self._mirror(shown.get()))
        take(SEEN, lambda: self._compare(synced.get()))
        replayed = take(REPLAY, lambda: self._replay(synced.get()))
        take(LOG_KEY, lambda: self._check_log_key(synced, replayed))
        tree = synced.established()
        done = replayed.established()
        result = None
        if tree is not None and done is not None:
            self._progress.begin("checks", 0)
            self._database.prepare()
            result = self._run_checks(tree, told)
            self._progress.end()
        if tree is not None:
            tree.local.close()
        return Audited(self._steps.taken, tree, done, result)

    def _run_checks(self, synced: Synced, told: Told | None) -> AuditResult:
        request = self._request
        return run_checks(
            self._database, synced.tiles, request.scope, request.names, told, with_windows=request.with_windows
        )

    def _take_checkpoint(self) -> Passed[Shown]:
        shown = take_checkpoint(self._request.source, self._state, self._trust)
        head = shown.trusted.checkpoint
        return Passed(shown, f"{head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}")

    def _check_quorum(self, trusted: TrustedCheckpoint) -> Passed[None] | Skipped:
        if self._trust.policy is None:
            return Skipped("not asked: no trust policy was given")
        names = ", ".join(show_name(witness.name) for witness in self._trust.policy.verify(trusted))
        return Passed(None, f"cosigned by {names or 'nobody, and the policy asks for nobody'}")

    def _mirror(self, shown: Shown) -> Passed[Synced]:
        request = self._request
        synced = sync(request.source, request.place, self._state, self._trust, shown, self._progress)
        where = "mirrored" if request.place == Place() else "read in place"
        return Passed(synced, f"{counted(synced.head.size, 'entries')}, {where}")

    def _compare(self, synced: Synced) -> Passed[Seen]:
        seen = compare_seen(synced, self._state, self._trust)
        self._keep(seen.findings)
        if seen.findings:
            messages = "; ".join(finding.message for finding in seen.findings)
            msg = f"expected the tree to extend each of {counted(seen.compared, 'checkpoints')}, got this: {messages}"
            kind = RollbackError if all(finding.subject == "rollback" for finding in seen.findings) else ProofError
            raise kind(msg)
        self._note_witnesses(synced)
        return Passed(seen, f"{counted(seen.compared, 'checkpoints')} seen, all of this tree")

    def _keep(self, findings: Collection[Finding]) -> None:
        """Write down what is new: a fork stays found for ever."""
        for finding in findings:
            known = self._database.execute(
                'SELECT 1 FROM findings WHERE "check" = ? AND message = ?', (CONSISTENCY, finding.message)
            ).fetchone()
            if known is None:
                self._database.insert_findings([finding])

    def _note_witnesses(self, synced: Synced) -> None:
        """Tell the database when witnesses saw which tree: an entry was there by then, whatever the log says."""
        for note in self._state.seen():
            trusted = self._trust.open(note)
            size = trusted.checkpoint.size
            if 0 < size <= synced.head.size:
                heads = (Head(size, (line.time or 0) * 1_000, line.key.name) for line in trusted.cosignatures)
                self._database.insert_heads(heads)

    def _replay(self, synced: Synced) -> Passed[Outcome]:
        before = self._database.next_index
        outcome, operator = replay(synced, self._state, self._database, self._progress, self._request.processes)
        self._keys_named = frozenset(key.raw for key in operator.log_keys)
        earlier = f", {before} at an earlier audit" if before else ""
        wrong = ", ".join(f"{count} {check}" for check, count in outcome.faults.items() if count)
        found = f"{counted(outcome.entries, 'entries')} and {counted(outcome.heads, 'tree heads')} verified{earlier}"
        return Passed(outcome, f"{found}; refused: {wrong}" if wrong else found)

    def _check_log_key(self, synced: Part[Synced], replayed: Part[Outcome]) -> Passed[None]:
        replayed.get()
        for line in synced.get().trusted.log_signatures:
            if line.key.public_key.raw not in self._keys_named:
                msg = f"expected the operator's policy to name the log key {line.key}, got other keys"
                raise AuthorityError(msg)
        return Passed(None, "the key of the checkpoint is named by the log's policy")
