"""From shapes back to entries: a check judges shapes of inferences, and asks for the entries of those it objects to.

Many thousand decisions have the same shape: the same source, the same call, the same guardrail executions with the same
decisions. So a check that depends on nothing else reads one row for all of them, and a log in which nothing is wrong
never has its entries read for it.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from glasslog.audit.view import View

INFERENCE_SHAPES: Final = """
    SELECT s.shape, s.runs, s.count, s.entry_min, s.entry_max, s.time_min, s.time_max, o.issuer, o.system, o.env,
        c.provider, c.response_model, c.model, c.configs, c.status, c.automation, c.label
    FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source CROSS JOIN calls c ON c.number = s.call
    WHERE s.call > 0
"""
_ENTRIES: Final = """
    SELECT j.why, e.entry, e.time, e.ended, e.subject
    FROM scoped e CROSS JOIN temp.objections j ON j.shape = e.shape
    WHERE e.entry >= (SELECT min(entry_min) FROM temp.objections)
        AND e.entry <= (SELECT max(entry_max) FROM temp.objections)
    ORDER BY e.entry
"""
_NOTES_KEPT_MAX: Final = 1_024


class InferenceShape(NamedTuple):
    """What inferences of one shape have in common, and in which range of entries and times they are."""

    shape: int
    runs: int
    inferences: int
    entry_min: int
    entry_max: int
    time_min: int
    time_max: int
    issuer: str
    system: str
    env: str
    provider: str
    response_model: str | None
    model: bytes
    configs: bytes
    status: str
    automation: str
    label: str | None


class Objectionable(NamedTuple):
    """An inference of a shape that a check objects to, and what the check noted about the shape."""

    why: list[Any]
    entry: int
    time: int
    end: int
    subject: bytes | str


def inference_shapes(view: View) -> Iterator[InferenceShape]:
    """Yield the shapes of the inferences in the scope."""
    for row in view.rows(INFERENCE_SHAPES):
        yield InferenceShape(*row)


def entries_of(view: View, objections: Iterable[tuple[InferenceShape, list[Any]]]) -> Iterator[Objectionable]:
    """Yield the entries of the shapes that were objected to, in order, with the note of each objection.

    A note is a list of texts and numbers. Costs a pass over the entries if there is any objection, and nothing else.
    """
    execute = view.database.execute
    execute("DROP TABLE IF EXISTS temp.objections")
    execute("CREATE TEMP TABLE objections (shape, entry_min, entry_max, why)")
    execute("CREATE INDEX temp.objections_shape ON objections (shape)")
    view.database.executemany(
        "INSERT INTO temp.objections VALUES (?, ?, ?, ?)",
        ((shape.shape, shape.entry_min, shape.entry_max, json.dumps(why)) for shape, why in objections),
    )
    note = lru_cache(maxsize=_NOTES_KEPT_MAX)(json.loads)  # the same for many entries
    for why, *rest in view.rows(_ENTRIES):
        yield Objectionable(note(why), *rest)
