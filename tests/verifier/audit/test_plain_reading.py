"""What the checks of order and time find in any small log, and how much they looked at, is what a plain reading finds.

The reading here is of lists, without SQL, without indexes and without passes shared by checks. It holds for the whole
log, for what is new in it, for a window and for one issuer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.audit.database import Database, Head
from glasslog.audit.facts import Facts
from glasslog.audit.finding import Finding
from glasslog.audit.result import CheckResult, run_checks
from glasslog.audit.scope import Bounds, Scope
from glasslog.cbor import Value
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize

ENTRIES_MAX = 24
TIMES_MS = range(0, 2_600, 200)
LATENESS_MS = 500
SKEW_MS = 999  # what the log's whole seconds come to, whatever is allowed beside


@dataclass(frozen=True)
class Entry:
    """An entry without its index: `prev` is the index of the entry whose leaf is named, if there is such an entry."""

    issuer: str
    stream: str
    seq: int
    id: int
    kind: str
    prev: int | None
    anchor: tuple[int, bool] | None
    time: int
    end: int
    salt: int

    @property
    def is_record(self) -> bool:
        return self.kind != "other"

    @property
    def place(self) -> tuple[str, str]:
        return self.issuer, self.stream

    @property
    def leaf(self) -> bytes:
        """Return what no other content has: an entry may be in the log twice."""
        return repr(self).encode().ljust(32)


ENTRY = st.builds(
    Entry,
    issuer=st.sampled_from("aab"),
    stream=st.sampled_from("xxy"),
    seq=st.integers(0, 4),
    id=st.integers(0, 20),
    kind=st.sampled_from(["outcome", "outcome", "outcome", "log-policy", "other"]),
    prev=st.none() | st.integers(0, ENTRIES_MAX),
    anchor=st.none() | st.tuples(st.integers(0, ENTRIES_MAX), st.sampled_from([True, True, True, False])),
    time=st.sampled_from(TIMES_MS),
    end=st.sampled_from(TIMES_MS),
    salt=st.integers(0, 2),
)
AGAIN = st.integers(0, ENTRIES_MAX)
SIZE = st.integers(0, ENTRIES_MAX)
HEAD = st.builds(
    Head, st.integers(1, ENTRIES_MAX), st.integers(0, 20).map(lambda tick: 200 * tick), st.sampled_from(["", "", "w1"])
)
SCOPE = st.builds(
    Scope,
    start=st.sampled_from([0, 0, 600]),
    end=st.sampled_from([2**62, 2**62, 1_800]),
    issuers=st.sampled_from([frozenset(), frozenset(), frozenset({"a"})]),
    since=st.just(0) | st.just(0) | st.integers(0, ENTRIES_MAX),
    bounds=st.just(Bounds(lateness=LATENESS_MS, clock_skew=0)),
)


@dataclass(frozen=True)
class Log:
    """A log as it is read here."""

    entries: list[Entry]
    heads: list[Head]
    scope: Scope

    @property
    def size(self) -> TreeSize:
        return TreeSize(len(self.entries))

    def root_at(self, size: TreeSize) -> Hash:
        return Hash(bytes([size]) * 32)

    def judged(self) -> Iterator[tuple[int, Entry]]:
        scope = self.scope
        for index, entry in enumerate(self.entries):
            is_of_scope = not scope.issuers or entry.issuer in scope.issuers
            if entry.is_record and index >= scope.since and scope.start <= entry.time < scope.end and is_of_scope:
                yield index, entry

    def numbered(self, entry: Entry, seq: int) -> list[int]:
        """Return the records that have a number of the stream of an entry."""
        return [
            index
            for index, other in enumerate(self.entries)
            if other.is_record and other.place == entry.place and other.seq == seq
        ]

    def prev_of(self, entry: Entry) -> bytes | None:
        if entry.prev is None:
            return None
        return self.entries[entry.prev].leaf if entry.prev < len(self.entries) else bytes(32)

    def database(self) -> Database:
        database = Database.in_memory()
        facts = [self._facts(index, entry) for index, entry in enumerate(self.entries)]
        middle = len(facts) // 2
        database.insert(facts[:middle])
        database.prepare()
        database.insert(facts[middle:])
        database.insert_heads(head for head in self.heads if head.size <= self.size)
        return database

    def _facts(self, index: int, entry: Entry) -> Facts:
        if not entry.is_record:
            return Facts(index, ("other", entry.issuer, bytes(32), None, None, None, None), entry.leaf, "subject")
        source = ("record", entry.issuer, bytes(32), entry.kind, "urn:example:s", "production", entry.stream)
        anchor = None
        if entry.anchor is not None:
            size, is_real = entry.anchor
            root = EMPTY_ROOT if size == 0 else self.root_at(TreeSize(size))
            anchor = (size, root if is_real else bytes([255]) * 32)
        return Facts(
            index,
            source,
            entry.leaf,
            "subject",
            bytes([entry.id]) * 16,
            entry.time,
            entry.end,
            entry.seq,
            self.prev_of(entry),
            anchor,
        )


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw a log; some entries are those of before once more, and most `prev` are true."""
    entries: list[Entry] = []
    for drawn in draw(SIZE.flatmap(lambda size: st.lists(ENTRY | AGAIN, min_size=size, max_size=size))):
        if isinstance(drawn, int):
            if entries:
                entries.append(entries[drawn % len(entries)])
            continue
        before = [i for i, e in enumerate(entries) if (e.place, e.seq + 1) == (drawn.place, drawn.seq) and e.is_record]
        entries.append(replace(drawn, prev=before[drawn.prev % len(before)]) if before and drawn.prev else drawn)
    return Log(entries, draw(st.lists(HEAD, max_size=6)), draw(SCOPE))


# ------------------------------------------------------------------------------------------------------ plain readings


def ids(log: Log) -> Iterator[tuple[int, ...]]:
    for index, entry in log.judged():
        first = next(i for i, other in enumerate(log.entries) if other.is_record and other.id == entry.id)
        if first < index:
            yield index, first


def gaps(log: Log) -> Iterator[tuple[int, ...]]:
    for index, entry in log.judged():
        if entry.seq == 0 or log.numbered(entry, entry.seq - 1) or log.numbered(entry, entry.seq)[0] < index:
            continue
        before = next((found for seq in range(entry.seq - 1, -1, -1) for found in log.numbered(entry, seq)), None)
        yield (index,) if before is None else (index, before)


def repeats(log: Log) -> Iterator[tuple[int, ...]]:
    for index, entry in log.judged():
        first = log.numbered(entry, entry.seq)[0]
        if first < index and log.entries[first].leaf != entry.leaf:
            yield index, first


def chain(log: Log) -> Iterator[tuple[int, ...]]:
    for index, entry in log.judged():
        before = log.numbered(entry, entry.seq - 1)
        prev = log.prev_of(entry)
        if prev is not None and before and prev not in [log.entries[other].leaf for other in before]:
            yield index, before[0]


def anchors(log: Log) -> Iterator[tuple[int, ...]]:
    for index, entry in log.judged():
        if entry.anchor is not None:
            size, is_real = entry.anchor
            if size > index or not is_real:
                yield (index,)


READINGS: dict[str, Callable[[Log], Iterator[tuple[int, ...]]]] = {
    "ids": ids,
    "stream-gaps": gaps,
    "stream-repeats": repeats,
    "stream-chain": chain,
    "anchors": anchors,
}


def audited(
    log: Log, *checks: str, with_windows: bool = False
) -> tuple[dict[str, CheckResult], dict[str, list[Finding]], Value]:
    told: dict[str, list[Finding]] = {check: [] for check in checks}
    database = log.database()
    result = run_checks(
        database,
        log,
        log.scope,
        checks,
        lambda finding, _: told[finding.check].append(finding),
        with_windows=with_windows,
    )
    database.close()
    return {one.check.id: one for one in result.checks}, told, result.windows


@settings(max_examples=300, deadline=None)
@given(logs())
def test_findings_are_those_of_a_plain_reading(log: Log) -> None:
    results, told, _ = audited(log, *READINGS)
    for check, reading in READINGS.items():
        assert [finding.entries for finding in told[check]] == list(reading(log)), check
    judged = [entry for _, entry in log.judged()]
    counts = {check: result.examination.count for check, result in results.items()}
    chained = [entry for entry in judged if entry.seq and entry.prev is not None]
    anchored = [entry for entry in judged if entry.anchor is not None]
    assert counts.pop("stream-chain") == len(chained)
    assert counts.pop("anchors") == len(anchored)
    assert set(counts.values()) == {len(judged)}
    assert bool(results["anchors"].examination.notes) == (0 < len(anchored) < len(judged))
    assert bool(results["anchors"].examination.not_recorded) == (not anchored and bool(judged))
    numbered = [entry for entry in judged if entry.seq]
    assert bool(results["stream-chain"].examination.notes) == (0 < len(chained) < len(numbered))
    assert bool(results["stream-chain"].examination.not_recorded) == (not chained and bool(numbered))


def covered_at(log: Log, index: int) -> dict[str, int]:
    """Return by whom an entry was covered first, and when."""
    covers: dict[str, tuple[int, int]] = {}
    for size, time, witness in log.heads:
        if index < size <= log.size:
            covers[witness] = min(covers.get(witness, (size, time)), (size, time))
    return {witness: time for witness, (_, time) in covers.items()}


@settings(max_examples=200, deadline=None)
@given(logs())
def test_times_are_those_of_a_plain_reading(log: Log) -> None:
    results, told, shown = audited(log, "lateness", "clock", with_windows=True)
    covered = [(index, entry, covered_at(log, index)) for index, entry in log.judged()]
    events = [found for found in covered if found[1].kind != "log-policy"]
    late = [(index, at[""] - entry.end) for index, entry, at in events if "" in at and at[""] - entry.end > LATENESS_MS]
    assert sorted(entry for finding in told["lateness"] for entry in finding.entries) == [index for index, _ in late]
    assert [(one["entry"], one["late_ms"]) for one in shown["late"]["first"]] == late
    assert shown["late"]["count"] == len(late)
    lateness, clock = results["lateness"].examination, results["clock"].examination
    sizes = [head.size for head in log.heads if head.size <= log.size]
    log_sizes = [head.size for head in log.heads if head.size <= log.size and not head.witness]
    assert lateness.count == sum(index < max(log_sizes, default=0) for index, *_ in events)
    assert clock.count == sum(index < max(sizes, default=0) for index, *_ in covered)
    early = [index for index, entry, at in covered for time in at.values() if entry.time > time + SKEW_MS]
    told_early = [finding for finding in told["clock"] if "of the stream" in finding.message]
    assert sorted(entry for finding in told_early for entry in finding.entries) == early
    steps = shown["timelines"]["lateness"]["records"]
    assert sum(steps) == sum("" in at for *_, at in covered)
    assert steps[0] == sum("" in at and at[""] - entry.end <= 1_000 for _, entry, at in covered)


@settings(max_examples=60, deadline=None)
@given(logs())
def test_streams_are_those_of_a_plain_reading(log: Log) -> None:
    *_, shown = audited(log, "ids", with_windows=True)
    places = {entry.place for entry in log.entries if entry.is_record}
    chosen = {place for place in places if not log.scope.issuers or place[0] in log.scope.issuers}
    expected = []
    for issuer, stream in chosen:
        numbers = [entry.seq for entry in log.entries if entry.is_record and entry.place == (issuer, stream)]
        missing, repeated = max(numbers) + 1 - len(set(numbers)), len(numbers) - len(set(numbers))
        expected.append((-missing, issuer, stream, min(numbers), max(numbers), len(numbers), repeated))
    assert shown["streams"]["count"] == len(chosen)
    assert [
        (
            -one["missing"],
            one["issuer"],
            one["stream"],
            one["first_seq"],
            one["last_seq"],
            one["records"],
            one["repeated"],
        )
        for one in shown["streams"]["first"]
    ] == sorted(expected)
