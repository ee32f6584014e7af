"""Find the required guardrails that left no evidence, as somebody who reads the log and trusts the vendor with nothing.

Reads every entry of the log, as far as its signed checkpoint. What guardrails must run, the vendor has registered
itself; an inference names that registration. `glasslog audit` asks the same and much more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from glasslog.checkpoint import open_checkpoint
from glasslog.limits import TILE_WIDTH
from glasslog.records import Record, decode_record
from glasslog.sources.source import read_bundle
from glasslog.sources.static_http import HttpLogSource
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement
from glasslog.tiles import BundleId, decode_bundle
from glasslog.vkey import VerifierKey

ANSWERED: Final = frozenset({"completed", "refused"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log, and the record in it."""

    statement: SignedStatement
    record: Record


@dataclass(frozen=True, slots=True)
class Gap:
    """A guardrail that was required and left no execution: for how many answers, and between which times (POSIX ms)."""

    guardian: str
    answers: int
    first_ms: int
    last_ms: int


def read_log(url: str, log_key: VerifierKey) -> list[Entry]:
    """Return all entries with records under the log's newest checkpoint. Raises what reading and verifying raise."""
    source = HttpLogSource(url)
    try:
        size = open_checkpoint(source.checkpoint(), [log_key]).checkpoint.size
        return [Entry(*decoded) for decoded in _records(source, size)]
    finally:
        source.close()


def _records(source: HttpLogSource, size: int) -> Iterator[tuple[SignedStatement, Record]]:
    for number in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        for entry in decode_bundle(read_bundle(source, BundleId(number), width), width):
            statement = decode_statement(entry)
            if statement.content_type == CONTENT_TYPE_RECORD:
                yield statement, decode_record(statement.payload)


def gaps(entries: Sequence[Entry]) -> list[Gap]:
    """Return the guardrails that were required of an answer and are not in its evidence."""
    required = {
        entry.record.id: frozenset(entry.record.body.get("guardrails", ()))
        for entry in entries
        if entry.record.type == "config-registration"
    }
    ran = _ran(entries)
    missing: dict[str, list[int]] = defaultdict(list)
    for entry in answers(entries):
        for guardian in required.get(entry.record.body["config"], frozenset()) - ran[entry.statement.subject]:
            missing[guardian].append(entry.record.time)
    return [Gap(guardian, len(times), min(times), max(times)) for guardian, times in sorted(missing.items())]


def answers(entries: Iterable[Entry]) -> list[Entry]:
    """Return the inferences that gave an answer."""
    return [entry for entry in entries if entry.record.type == "inference" and entry.record.body["status"] in ANSWERED]


def decisions(entries: Iterable[Entry]) -> dict[str, int]:
    """Return how many inferences ended how."""
    return dict(Counter(entry.record.body["status"] for entry in entries if entry.record.type == "inference"))


def guardrail_decisions(entries: Iterable[Entry]) -> dict[str, dict[str, int]]:
    """Return what each guardrail decided, and how often."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for _, execution in _executions(entries):
        found[execution["guardian"]["id"]][execution["decision"]] += 1
    return {guardian: dict(counts) for guardian, counts in sorted(found.items())}


def _ran(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """Return which guardrails ran for each decision."""
    found: dict[str, set[str]] = defaultdict(set)
    for subject, execution in _executions(entries):
        if execution["decision"] != "skipped":
            found[subject].add(execution["guardian"]["id"])
    return found


def _executions(entries: Iterable[Entry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in entries:
        body = entry.record.body
        if entry.record.type == "guardrail-execution":
            yield entry.statement.subject, body
        elif entry.record.type == "inference":
            yield from ((entry.statement.subject, execution) for execution in body["guardrails"])
