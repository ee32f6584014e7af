"""Lay a sample out: a worksheet in CSV for those who test the records, and the document that says how it was drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from glasslog import __version__
from glasslog.audit.result import harmless
from glasslog.bundle import BUNDLE_SUFFIX
from glasslog.checkpoint import Checkpoint, TrustedCheckpoint
from glasslog.moments import iso_time
from glasslog.sampling.draw import RANK_DOMAIN, SEED_DOMAIN, Drawn
from glasslog.sampling.population import Member, Selection

SAMPLE_SCHEMA: Final = "glasslog-sample/1"
COLUMNS: Final = (
    "number",
    "index",
    "entry_id",
    "time",
    "issuer",
    "system",
    "subject",
    "type",
    "stream",
    "seq",
    "label",
    "file",
    "result",
    "remark",
)
Json: TypeAlias = Any
_ID_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed, 32 bytes, and the checkpoint it is derived from: opened, verbatim, and the log's time by then."""

    value: bytes
    trusted: TrustedCheckpoint
    note: bytes
    time: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample that was drawn, in the order of its ranks. `wanted` may be more than there were to draw from."""

    seed: Seed
    selection: Selection
    wanted: int
    population: int
    later: int
    drawn: Sequence[Drawn]
    members: Mapping[int, Member]
    tree: Checkpoint
    """The tree of the bundles."""


def bundle_name(number: int, member: Member) -> str:
    """Return the file of an entry's bundle, which sorts as the sample does."""
    return f"{number:06d}-{member.leaf.hex()[:_ID_CHARACTERS]}{BUNDLE_SUFFIX}"


def rows(sample: Sample, folder: str) -> list[list[str]]:
    """Return the worksheet, without its header; no cell is taken for a formula. The last two columns are empty."""
    return [
        _row(number, sample.members[drawn.index], f"{folder}/{bundle_name(number, sample.members[drawn.index])}")
        for number, drawn in enumerate(sample.drawn, 1)
    ]


def _row(number: int, member: Member, file: str) -> list[str]:
    said = (member.issuer, member.system, member.subject, member.type, member.stream)
    cells = [str(number), str(member.index), member.leaf.hex(), iso_time(member.time), *said, str(member.seq)]
    return [harmless(cell) for cell in (*cells, member.label or "", file, "", "")]


def document_of(sample: Sample, folder: str) -> dict[str, Json]:
    """Return the document of a sample: everything that is needed to draw it again."""
    seed, head = sample.seed, sample.seed.trusted.checkpoint
    return {
        "schema": SAMPLE_SCHEMA,
        "glasslog": __version__,
        "seed": {
            "value": seed.value.hex(),
            "seed_domain": SEED_DOMAIN.decode(),
            "rank_domain": RANK_DOMAIN.decode(),
            "origin": head.origin,
            "tree_size": head.size,
            "root": head.root.hex(),
            "log_time": seed.time,
            "log_keys": [str(line.key) for line in seed.trusted.log_signatures],
            "cosigners": sorted({str(line.key) for line in seed.trusted.cosignatures}),
            "checkpoint": seed.note.decode(),
        },
        "selection": sample.selection.to_json(),
        "population": sample.population,
        "logged_after_seed": sample.later,
        "size_wanted": sample.wanted,
        "size": len(sample.drawn),
        "tree": {"size": sample.tree.size, "root": sample.tree.root.hex()},
        "entries": [
            {
                "number": number,
                "index": drawn.index,
                "entry_id": sample.members[drawn.index].leaf.hex(),
                "rank": drawn.rank.hex(),
                "file": f"{folder}/{bundle_name(number, sample.members[drawn.index])}",
            }
            for number, drawn in enumerate(sample.drawn, 1)
        ],
    }
