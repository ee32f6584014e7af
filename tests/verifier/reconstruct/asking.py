"""Ask for the reconstruction of a story, and for what it says to be missing."""

from collections.abc import Callable
from typing import Any

from glasslog.reconstruct import Account, Gap, GapKind, Holdings, Reconstruction, Request, reconstruct
from tests.verifier.reconstruct.story import DECISION, Story

FULL = Story()
FOUND = reconstruct(FULL.log, Request(DECISION), FULL.trust, Holdings())


def run(story: Story, holdings: Holdings | None = None, **more: Any) -> Reconstruction:  # noqa: ANN401 (of a Request)
    return reconstruct(story.log, Request(DECISION, **more), story.trust, holdings or Holdings())


def names(story: Story, found: Reconstruction) -> set[str]:
    by_id = {statement.leaf_hash: name for name, statement in story.entries.items()}
    return {by_id[piece.entry_id] for piece in found.pieces}


def gaps(found: Reconstruction) -> list[Gap]:
    return [*found.gaps, *Account(found).absences()]


def codes(found: Reconstruction, kind: GapKind) -> set[str]:
    return {gap.code for gap in gaps(found) if gap.kind is kind}


def raising(error: Exception) -> Callable[[], Any]:
    def answer() -> Any:  # noqa: ANN401 (never returns)
        raise error

    return answer
