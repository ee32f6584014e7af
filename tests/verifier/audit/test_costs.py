"""What checks cost, in instructions that SQLite executes: a part of the log each, and of new entries what is new.

The log here has everything that makes checks look something up: attempts that inferences answer, reviews, heartbeats,
seals. Where a look-up goes without its index, what a check costs grows with the square of the log.
"""

import pytest

from glasslog.audit.checks import CHECKS
from glasslog.audit.database import Database, Head
from glasslog.audit.facts import Facts
from glasslog.audit.result import run_checks
from glasslog.audit.rows import Rows
from glasslog.audit.scope import Scope
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize

KINDS = ("inference-attempt", "inference", "oversight", "control-operation", "window-seal")
NARROWED = (
    "ids",
    "stream-gaps",
    "stream-repeats",
    "stream-chain",
    "anchors",
    "lateness",
    "clock",
    "seals",
    "oversight",
)


class Tree:
    size = TreeSize(0)

    def root_at(self, size: TreeSize) -> Hash:
        raise AssertionError(size)


@pytest.mark.parametrize("check", NARROWED)
def test_what_is_new_alone_costs_what_is_new(check: str) -> None:
    small, large = (_steps(size, Scope(since=size - 100), check) for size in (500, 4_000))
    assert large < 2 * small


@pytest.mark.parametrize("check", CHECKS)
def test_a_log_of_four_times_the_size_costs_four_times_as_much(check: str) -> None:
    small, large = (_steps(size, Scope(), check) for size in (1_000, 4_000))
    assert large < 5 * max(small, 100)


def test_windows_of_a_log_of_four_times_the_size_cost_four_times_as_much() -> None:
    small, large = (_steps(size, Scope(), "tree", with_windows=True) for size in (1_000, 4_000))
    assert large < 5 * small


def _steps(size: int, scope: Scope, check: str, *, with_windows: bool = False) -> int:
    """Return how many instructions SQLite executes for a check, in tens."""
    database, steps = Database.in_memory(), 0
    for start in range(0, size, 100):
        database.insert([_honest(index) for index in range(start, start + 100)])
        database.insert_heads([Head(start + 100, start)])
    database.prepare()

    def count() -> None:
        nonlocal steps
        steps += 1

    database._connection.set_progress_handler(count, 10)  # noqa: SLF001
    run_checks(database, Tree(), scope, [check], with_windows=with_windows)
    database.close()
    return steps


def _honest(index: int) -> Facts:
    """Return the facts of an entry of a log where attempts, inferences, reviews, heartbeats and seals take turns."""
    kind = KINDS[index % len(KINDS)]
    source = ("record", "a", bytes(32), kind, "urn:example:s", "production", "x")
    unique, decision = index.to_bytes(16, "big"), (index // len(KINDS)).to_bytes(16, "big")
    before = max(index - 1, 0).to_bytes(16, "big")
    rows: dict[str, Rows] = {
        "inference-attempt": (("attempts", (index, unique, decision, "provider", bytes(32))),),
        "inference": (("links", (index, "attempt", before)),),
        "oversight": (
            ("oversights", (index, bytes(16), "in-loop", "confirm")),
            ("links", (index, "reviews", before)),
        ),
        "control-operation": (("heartbeats", (index, "ranges", index - 5, index, 1, True)),),
        "window-seal": (
            ("seals", (index, index - 5, index, 0, 1)),
            ("sealed_streams", (index, "x", index - 5, index - 1, 5)),
        ),
    }
    call = ("chat", "provider", "m", None, bytes(16), bytes(16), "completed", "in-loop", "refer")
    return Facts(
        index,
        source,
        unique * 2,
        decision,
        unique,
        index,
        index,
        index,
        before * 2 if index else None,
        (0, EMPTY_ROOT),
        call if kind == "inference" else None,
        () if kind == "inference" else None,
        rows[kind],
    )
