"""The outcome of an audit as a document: `audit.json`, which reports, samples and monitors read.

It is the result of the checks (`glasslog.audit.result`, schema glasslog-audit/1) with what the engine adds: the steps
that were taken, the signed tree that everything is said of, and the verdict. When the log could not be replayed there
are the steps alone, and no checks.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from glasslog.audit.result import AUDIT_SCHEMA
from glasslog.mirror.audit import Audited
from glasslog.mirror.replay import Outcome
from glasslog.mirror.sync import Synced

Document: TypeAlias = Mapping[str, Any]


def document_of(audited: Audited, source: str) -> dict[str, Any]:
    """Return what `audit.json` holds; `source` is where the log was read."""
    result = audited.result
    checked = result.to_json() if result is not None else {"schema": AUDIT_SCHEMA}
    return {
        **checked,
        "verdict": audited.verdict.value,
        "source": source,
        "tree": _tree(audited.synced) if audited.synced is not None else None,
        "steps": [step.to_json() for step in audited.steps],
        "replayed": _replayed(audited.replayed) if audited.replayed is not None else None,
    }


def _tree(synced: Synced) -> dict[str, Any]:
    head, shown = synced.head, synced.shown.checkpoint
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": synced.note.decode(),
        "log_keys": [str(line.key) for line in synced.trusted.log_signatures],
        "cosigners": [line.key.name for line in synced.trusted.cosignatures],
        "shown_size": shown.size,
    }


def _replayed(outcome: Outcome) -> dict[str, Any]:
    return {"entries": outcome.entries, "heads": outcome.heads, "refused": dict(outcome.faults)}
