"""Memory does not grow with the log: rows are read from cursors, episodes and lists of findings are bounded."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from glasslog.audit import episodes
from glasslog.audit.database import Database, Head
from glasslog.audit.episodes import gather
from glasslog.audit.facts import Facts
from glasslog.audit.finding import ENTRIES_SHOWN_MAX, Finding, Severity
from glasslog.audit.result import CSV_COLUMNS, FINDINGS_KEPT_MAX, csv_row, run_checks
from glasslog.audit.scope import Scope
from glasslog.merkle import Hash, TreeSize
from tests.verifier.audit.logbook import Logbook
from tests.verifier.audit.story import START, story
from tests.verifier.audit.test_database import all_facts

LOG = Logbook(story())
CHUNK = 1_024


def many(count: int) -> Iterator[Facts]:
    """Yield the facts of decisions whose models nobody registered and which nobody looked at: all objectionable."""
    one = next(facts for facts in all_facts(LOG) if facts.call is not None)
    for index in range(count):
        unique = index.to_bytes(16, "big")
        time = START + 10 * index
        yield one._replace(
            entry=index,
            leaf=unique * 2,
            subject=unique,
            id=unique,
            time=time,
            end=time,
            seq=2 * index,
            prev=None,
            rows=(),
        )


class Tree:
    size = TreeSize(2**40)

    def root_at(self, size: TreeSize) -> Hash:
        return LOG.root_at(size)


def peak_of_an_audit(count: int) -> int:
    database = Database.in_memory()
    facts = list(many(count))
    for start in range(0, count, CHUNK):
        database.insert(facts[start : start + CHUNK])
        database.insert_heads([Head(start + CHUNK, START + 10 * start)])
    del facts
    told = 0

    def tell(finding: Finding, ids: list[str]) -> None:
        nonlocal told
        told += 1
        assert len(ids) == len(finding.entries) <= ENTRIES_SHOWN_MAX

    run_checks(database, Tree(), Scope(), told=tell)  # what is imported and compiled once is not measured
    tracemalloc.start()
    result = run_checks(database, Tree(), Scope(as_of=START + 10**10), told=tell)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    database.close()
    assert result.findings > count / 2  # gaps alone are one for each entry
    assert told > count
    assert all(len(check.findings) <= FINDINGS_KEPT_MAX for check in result.checks)
    return peak


def test_memory_does_not_grow_with_the_log() -> None:
    small, large = peak_of_an_audit(2 * CHUNK), peak_of_an_audit(8 * CHUNK)
    assert large < small + 200_000


def test_an_episode_parts_where_times_are_far_apart() -> None:
    hour = episodes.EPISODE_GAP_MS
    broken = [("a", 1, 0, 5), ("a", 2, hour, 7), ("b", 3, hour, 1), ("a", 4, 3 * hour, 2)]
    told = [(one.key, one.entries, one.start, one.end, one.worst) for one in gather(broken)]
    assert told == [("a", [1, 2], 0, hour, 7), ("b", [3], hour, hour, 1), ("a", [4], 3 * hour, 3 * hour, 2)]


def test_an_episode_counts_all_and_names_the_first() -> None:
    (episode,) = gather(("a", entry, entry, 0) for entry in range(1_000))
    assert (episode.count, episode.entries) == (1_000, list(range(ENTRIES_SHOWN_MAX)))


def test_open_episodes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "EPISODES_OPEN_MAX", 3)
    keys = [one.key for one in gather((key, key, 0, 0) for key in range(10))]
    assert keys == list(range(10))


def test_a_line_of_csv_has_every_column_and_no_formula() -> None:
    finding = Finding("ids", Severity.HIGH, "=1+1", (3, 4), "https://a.example", start=5)
    row = csv_row(finding, ["aa", "bb"])
    assert len(row) == len(CSV_COLUMNS)
    assert (row[2], row[9], row[10]) == ("'=1+1", "3 4", "aa bb")
    assert csv_row(replace(finding, message="-"), [])[2] == "'-"
