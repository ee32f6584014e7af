"""Gaps, repeats and chains: what the checks find in any interleaving of streams is what a plain reading finds."""

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.audit.database import Database
from glasslog.audit.facts import Facts
from glasslog.audit.result import run_checks
from glasslog.audit.scope import Scope
from glasslog.merkle import Hash, TreeSize

NUMBERED = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 9)), max_size=30)


class NoTree:
    size = TreeSize(0)

    def root_at(self, size: TreeSize) -> Hash:
        raise AssertionError(size)


def entry(index: int, issuer: str, stream: str, seq: int) -> Facts:
    source = ("type", f"https://{issuer}.example", bytes(32), "outcome", "urn:example:s", "production", stream)
    unique = index.to_bytes(16, "big")
    return Facts(index, source, unique * 2, b"s" * 16, unique, 1_000 + index, 1_000 + index, seq)


def naive_gaps(numbered: Iterable[tuple[str, str, int]]) -> set[tuple[str, str, int, int]]:
    """Return (issuer, stream, first missing, last missing) of every hole below the last number of a stream."""
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for issuer, stream, seq in numbered:
        numbers[issuer, stream].add(seq)
    gaps = set()
    for (issuer, stream), there in numbers.items():
        missing = [seq for seq in range(max(there)) if seq not in there]
        for seq in missing:
            if seq - 1 not in missing:
                end = next(number for number in range(seq, max(there) + 1) if number in there)
                gaps.add((issuer, stream, seq, end - 1))
    return gaps


def found(database: Database, check: str, since: int = 0) -> list[tuple[str, str, str, int]]:
    result = run_checks(database, NoTree(), Scope(since=since), [check], with_windows=False)
    return [
        (item["issuer"].split("/")[2][0], item["subject"], item["message"], item["count"])
        for item in result.checks[0].findings
    ]


def expected(gaps: Iterable[tuple[str, str, int, int]]) -> set[tuple[str, str, str, int]]:
    return {
        (
            issuer,
            stream,
            f"number {first} is missing in the stream {stream}"
            if first == last
            else f"numbers {first} to {last} are missing in the stream {stream}",
            last + 1 - first,
        )
        for issuer, stream, first, last in gaps
    }


@settings(max_examples=60, deadline=None)
@given(NUMBERED)
def test_gaps_and_repeats_are_those_of_a_plain_reading(numbered: list[tuple[str, str, int]]) -> None:
    database = Database.in_memory()
    database.insert([entry(index, *place) for index, place in enumerate(numbered)])
    gaps = found(database, "stream-gaps")
    assert len(gaps) == len(set(gaps))
    assert set(gaps) == expected(naive_gaps(numbered))
    assert len(found(database, "stream-repeats")) == len(numbered) - len(set(numbered))
    database.close()


@settings(max_examples=40, deadline=None)
@given(NUMBERED, st.integers(0, 30))
def test_new_entries_are_judged_as_if_all_were_new(numbered: list[tuple[str, str, int]], cut: int) -> None:
    database = Database.in_memory()
    database.insert([entry(index, *place) for index, place in enumerate(numbered[:cut])])
    before = set(found(database, "stream-gaps"))
    database.insert([entry(index, *place) for index, place in enumerate(numbered)][len(numbered[:cut]) :])
    after = set(found(database, "stream-gaps", since=len(numbered[:cut])))
    assert after <= expected(naive_gaps(numbered))
    assert expected(naive_gaps(numbered)) <= before | after | _narrowed(before)
    database.close()


def _narrowed(gaps: Iterable[tuple[str, str, str, int]]) -> set[tuple[str, str, str, int]]:
    """Return what gaps become when later entries fill a part of them: that is not told again."""
    narrowed = set()
    for issuer, stream, message, _ in gaps:
        numbers = [int(word) for word in message.split() if word.isdigit()]
        first, last = numbers[0], numbers[-1]
        narrowed |= expected((issuer, stream, low, last) for low in range(first, last + 1))
    return narrowed
