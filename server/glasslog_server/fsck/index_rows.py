"""Check the rows by which entries are found, a bundle of entries at a time: by leaf hash, by subject, by stream."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glasslog.merkle import Hash, LeafIndex
from glasslog_server.errors import StoreError
from glasslog_server.fsck.findings import Findings, Kind
from glasslog_server.storage.store import Store


@dataclass(frozen=True, slots=True)
class Indexed:
    """What an entry must be found by. `stream` is (issuer, stream id, sequence number), None for content without."""

    index: LeafIndex
    leaf_hash: Hash
    subject: str
    stream: tuple[str, str, int] | None


async def check_index_rows(store: Store, entries: Sequence[Indexed], findings: Findings) -> None:
    """Look every entry up in every way and take note of those that are not found where they are.

    `entries` are in the order of their indexes. Costs one lookup for an entry, a subject and a run of a stream each.
    """
    checks = (
        (Kind.LEAF_ROW, _check_leaf_rows),
        (Kind.SUBJECT_ROW, _check_subject_rows),
        (Kind.STREAM_ROW, _check_stream_rows),
    )
    for kind, check in checks if entries else ():
        try:
            await check(store, entries, findings)
        except StoreError as error:
            findings.add(kind, entries[0].index, f"expected readable index rows from here on, got: {error}")


async def _check_leaf_rows(store: Store, entries: Sequence[Indexed], findings: Findings) -> None:
    found = await store.find_leaves([entry.leaf_hash for entry in entries])
    for entry, index in zip(entries, found, strict=True):
        if index != entry.index:
            message = f"expected entry {entry.index} to be found by its leaf hash, got {_named(index)}"
            findings.add(Kind.LEAF_ROW, entry.index, message)


async def _check_subject_rows(store: Store, entries: Sequence[Indexed], findings: Findings) -> None:
    by_subject: dict[str, list[LeafIndex]] = defaultdict(list)
    for entry in entries:
        by_subject[entry.subject].append(entry.index)
    for subject, indexes in by_subject.items():
        found = await store.find_subject(subject, indexes[0], len(indexes))
        if found != indexes:
            wrong = min(set(indexes) ^ set(found))
            message = f"expected the entries {_some(indexes)} to be found by their subject, got {_some(found)}"
            findings.add(Kind.SUBJECT_ROW, wrong, message)


async def _check_stream_rows(store: Store, entries: Sequence[Indexed], findings: Findings) -> None:
    by_stream: dict[tuple[str, str], dict[int, list[LeafIndex]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if entry.stream is not None:
            issuer, stream, seq = entry.stream
            by_stream[issuer, stream][seq].append(entry.index)
    for (issuer, stream), by_seq in by_stream.items():
        for start, end in _runs(sorted(by_seq)):
            found = await _rows_of_run(store, issuer, stream, start, end)
            for seq in range(start, end):
                for index in by_seq[seq]:
                    if (seq, index) not in found:
                        message = f"expected entry {index} to be found as number {seq} of its stream, got nothing"
                        findings.add(Kind.STREAM_ROW, index, message)


async def _rows_of_run(store: Store, issuer: str, stream: str, start: int, end: int) -> set[tuple[int, LeafIndex]]:
    """Return the rows of the sequence numbers [start, end), also of numbers that were used more than once."""
    limit = end - start + 1
    while True:
        rows = await store.find_stream(issuer, stream, start, limit)
        if len(rows) < limit or rows[-1][0] >= end:
            return {row for row in rows if row[0] < end}
        limit *= 2


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges [start, end) without gaps that ascending numbers make up."""
    start = end = numbers[0]
    for number in numbers:
        if number > end:
            yield start, end
            start = number
        end = number + 1
    yield start, end


def _named(index: LeafIndex | None) -> str:
    return "nothing" if index is None else f"entry {index}"


def _some(indexes: Sequence[int]) -> str:
    shown = ", ".join(map(str, indexes[:3]))
    return f"{shown or 'none'}{', ...' if len(indexes) > 3 else ''}"  # noqa: PLR2004 (shown above)
