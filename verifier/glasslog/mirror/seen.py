"""Hold the tree against every checkpoint that was ever seen: the log's own, and those that others have shown us.

A smaller checkpoint must be a beginning of the tree; one that is not is a fork, and the proof is kept in a file. A
larger one that the log no longer shows is a rollback, unless a fork was proven with it.
"""

from dataclasses import dataclass

from glasslog.audit.finding import Finding, Severity
from glasslog.counting import counted
from glasslog.fork import decode_fork, prove_fork
from glasslog.mirror.chunk import CONSISTENCY
from glasslog.mirror.state import State
from glasslog.mirror.sync import Synced, Trust, fork_name


@dataclass(frozen=True, slots=True)
class Seen:
    """How many checkpoints were compared, and what is wrong."""

    compared: int
    findings: tuple[Finding, ...]


def compare_seen(synced: Synced, state: State, trust: Trust) -> Seen:
    """Compare the synced tree with all checkpoints of the state. Raises for a kept checkpoint that is no longer one."""
    forks = [(path.name, decode_fork(data).verify(trust.log_keys)) for path, data in state.forks()]
    proven = {head.root for _, fork in forks for head in (fork.older, fork.newer)}
    larger: dict[bytes, str] = {}
    compared = 0
    for note in state.seen():
        head = trust.open(note).checkpoint
        if head.origin != synced.head.origin:
            continue
        compared += 1
        if head.size > synced.head.size:
            larger[head.root] = f"tree of {counted(head.size, 'entries')} with root {head.root.hex()}"
        elif head.size and head.root not in proven and synced.tiles.root_at(head.size) != head.root:
            evidence = prove_fork(note, synced.note, (head, synced.head), synced.tiles)
            state.keep_evidence(fork_name(head, synced.head), evidence)
    findings = []
    forked = set()
    for path, data in state.forks():
        fork = decode_fork(data).verify(trust.log_keys)
        forked |= {fork.older.root, fork.newer.root}
        older, newer = fork.older, fork.newer
        message = (
            f"the log {older.origin} has signed two trees: root {older.root.hex()} at size {older.size}, and at size "
            f"{newer.size} a tree that had {fork.prefix_root.hex()} there; the proof is {path.name}"
        )
        findings.append(Finding(CONSISTENCY, Severity.CRITICAL, message, subject=path.name))
    shown = synced.shown.checkpoint
    for tree in (tree for root, tree in larger.items() if root not in forked):
        message = f"the log has signed a {tree}, and shows one of {counted(shown.size, 'entries')} now: it went back"
        findings.append(Finding(CONSISTENCY, Severity.CRITICAL, message, subject="rollback"))
    if shown.size < synced.head.size and shown.root not in forked:
        message = f"the log has shown {counted(synced.head.size, 'entries')}, and shows {shown.size} now: it went back"
        findings.append(Finding(CONSISTENCY, Severity.CRITICAL, message, subject="rollback"))
    return Seen(compared, tuple(findings))
