"""`glasslog sample`: draw records by a seed that nobody could choose, with a worksheet and evidence for each."""

import csv
import io
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from glasslog.audit.database import Database
from glasslog.checkpoint import TrustedCheckpoint
from glasslog.cli.audit import Moment
from glasslog.cli.document import Json, encode_document
from glasslog.cli.ending import resumable
from glasslog.cli.examples import example
from glasslog.cli.options import INPUT_FILE, JSON_OPTION, LOG_KEY_OPTION, POLICY_OPTION, read_input, trust_of
from glasslog.cli.screen import Screen
from glasslog.cli.writing import write_text
from glasslog.counting import counted
from glasslog.errors import MismatchError, ProofError, UncheckableError
from glasslog.limits import NOTE_BYTES_MAX
from glasslog.mirror.state import DATABASE, open_state
from glasslog.mirror.sync import Trust
from glasslog.policy import Policy
from glasslog.records import RECORD_TYPES
from glasslog.records.schema import TIME_MS_MAX
from glasslog.sampling.draw import SAMPLE_MAX, derive_seed, draw
from glasslog.sampling.evidence import EvidenceMaker
from glasslog.sampling.population import (
    Member,
    Selection,
    count_later,
    member,
    newest_time,
    operator_entries,
    population,
)
from glasslog.sampling.worksheet import COLUMNS, Sample, Seed, bundle_name, document_of, rows
from glasslog.sources.folder import read_file, write_file
from glasslog.sources.source import CHECKPOINT, LogSource, read_tile
from glasslog.subtrees import VerifiedTiles
from glasslog.vkey import VerifierKey

WORKSHEET: Final = "worksheet.csv"
SAMPLE: Final = "sample.json"
BUNDLES: Final = "evidence"


@dataclass(frozen=True, slots=True)
class _Mirror:
    """The tree of an audit's state: its note, opened, and verified tiles."""

    local: LogSource
    note: bytes
    trusted: TrustedCheckpoint
    tiles: VerifiedTiles


@click.command(
    short_help="Draw a sample of records, with evidence for each.",
    epilog=example(
        "glasslog sample --state ./audit --size 60 --seed-from checkpoint --log-key @log.vkey -o sample",
    ),
)
@click.option(
    "--state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The state folder of an audit.",
)
@click.option("--size", type=click.IntRange(1, SAMPLE_MAX), required=True, help="How many records to draw.")
@click.option(
    "--seed-from",
    metavar="CHECKPOINT",
    type=INPUT_FILE,
    required=True,
    help="The signed checkpoint that gives the seed: one from after the window, agreed on before.",
)
@LOG_KEY_OPTION
@POLICY_OPTION
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    type=click.Choice(sorted(RECORD_TYPES)),
    multiple=True,
    default=("inference",),
    show_default="inference",
    help="Draw from records of this type. Repeatable.",
)
@click.option(
    "--from", "start", type=Moment(), default=0, help="Draw from events from this time on.  [default: the beginning]"
)
@click.option(
    "--to", "end", type=Moment(), default=TIME_MS_MAX + 1, help="Draw from events before this time.  [default: the end]"
)
@click.option(
    "--issuer", "issuers", metavar="URI", multiple=True, help="Draw from this issuer. Repeatable.  [default: all]"
)
@click.option(
    "--system", "systems", metavar="URN", multiple=True, help="Draw from this system. Repeatable.  [default: all]"
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for the sample, new or empty.",
)
@JSON_OPTION
def command(
    *,
    state: Path,
    size: int,
    seed_from: Path,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    types: tuple[str, ...],
    start: int,
    end: int,
    issuers: tuple[str, ...],
    systems: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> int:
    """Draw a sample of records from an audited log, as anybody can repeat and nobody could choose.

    The seed is derived from a signed checkpoint, and from the cosignatures of the witnesses of a --policy. Only entries
    that were in the log at that checkpoint are drawn from. Written are a worksheet (CSV), an evidence bundle for each
    record, verified, and sample.json, which says how the sample was drawn.

    Exit codes: 0 drawn, 1 verification failed, 2 wrong usage, 3 could not be drawn.
    """
    if start >= end:
        msg = "--to must be after --from."
        raise click.UsageError(msg)
    if output.exists() and any(output.iterdir()):
        msg = f"--output must be a new or an empty folder, and {output} is not empty."
        raise click.UsageError(msg)
    trust = Trust(trust_of(log_keys, policy).log_keys, policy)
    note = read_input(seed_from, NOTE_BYTES_MAX)
    unfinished = f"Interrupted: what is in {output} is not the whole sample; remove it, and run the same command again."
    with resumable(unfinished), closing(open_state(state)) as local, closing(_database(state)) as database:
        mirror = _open_mirror(state, local, trust)
        trusted = _open_seed(note, trust, mirror)
        selection = Selection(trusted.checkpoint.size, types, start, end, issuers, systems)
        sample = _draw(database, selection, (note, trusted), size, mirror)
        maker = EvidenceMaker(local, mirror.note, mirror.tiles, trust.log_keys)
        maker.learn_authority(operator_entries(database, mirror.tiles.size))
        _write_bundles(output, sample, maker)
    document = document_of(sample, BUNDLES)
    write_file(output / WORKSHEET, _worksheet(sample))
    write_file(output / SAMPLE, encode_document(document).encode())
    if as_json:
        write_text(encode_document(document))
    else:
        _show(sample, output)
    return 0


def _database(state: Path) -> Database:
    path = state / DATABASE
    if not path.exists():
        msg = f"expected the facts of an audit in {path}, got none: run glasslog audit first"
        raise UncheckableError(msg)
    return Database.open(path)


def _open_mirror(state: Path, local: LogSource, trust: Trust) -> _Mirror:
    note = read_file(state / CHECKPOINT, NOTE_BYTES_MAX)
    trusted = trust.open(note)
    head = trusted.checkpoint
    tiles = VerifiedTiles(head.size, head.root, lambda tile, width: read_tile(local, tile, width))
    return _Mirror(local, note, trusted, tiles)


def _open_seed(note: bytes, trust: Trust, mirror: _Mirror) -> TrustedCheckpoint:
    """Return the seed's checkpoint: signed, cosigned as the policy asks, and of the tree that was mirrored."""
    trusted = trust.open(note)
    if trust.policy is not None:
        trust.policy.verify(trusted)
    head, mirrored = trusted.checkpoint, mirror.trusted.checkpoint
    if head.origin != mirrored.origin:
        msg = f"expected a checkpoint of the log {mirrored.origin}, got one of {head.origin}"
        raise MismatchError(msg)
    if not 0 < head.size <= mirrored.size:
        msg = f"expected a checkpoint of 1 to {mirrored.size} entries, which were audited, got one of {head.size}"
        raise UncheckableError(msg)
    root = mirror.tiles.root_at(head.size)
    if root != head.root:
        msg = f"expected the root {root.hex()} at size {head.size}, got {head.root.hex()}: the log signed another tree"
        raise ProofError(msg)
    return trusted


def _draw(
    database: Database, selection: Selection, signed: tuple[bytes, TrustedCheckpoint], size: int, mirror: _Mirror
) -> Sample:
    if database.next_index < mirror.tiles.size:
        audited = counted(mirror.tiles.size, "entries")
        msg = f"expected the facts of {audited}, got those of {database.next_index}: audit once more"
        raise UncheckableError(msg)
    note, trusted = signed
    time = newest_time(database, selection.size)
    if selection.end <= TIME_MS_MAX and (time is None or time < selection.end):
        msg = "expected a checkpoint from after the window, got one that the log signed before its end"
        raise UncheckableError(msg)
    value = derive_seed(trusted)
    drawn, count = draw(value, population(database, selection), size)
    if not drawn:
        msg = "expected records to draw from, got none in this selection"
        raise UncheckableError(msg)
    members = {each.index: _member(database, mirror.tiles, each.index) for each in drawn}
    later = count_later(database, selection)
    seed = Seed(value, trusted, note, time)
    return Sample(seed, selection, size, count, later, drawn, members, mirror.trusted.checkpoint)


def _member(database: Database, tiles: VerifiedTiles, index: int) -> Member:
    """Return what the database says of an entry, which must be the one of the signed tree."""
    found = member(database, index)
    if found.leaf != tiles.node(0, index):
        msg = f"expected the facts of entry {index} of the signed tree, got those of another: audit in a new folder"
        raise UncheckableError(msg)
    return found


def _write_bundles(output: Path, sample: Sample, maker: EvidenceMaker) -> None:
    folder = output / BUNDLES
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {folder}: {error.strerror}"
        raise UncheckableError(msg) from error
    numbers = {drawn.index: number for number, drawn in enumerate(sample.drawn, 1)}
    for index, data in maker.bundles(sorted(numbers)):
        write_file(folder / bundle_name(numbers[index], sample.members[index]), data)


def _worksheet(sample: Sample) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows(sample, BUNDLES))
    return text.getvalue().encode()


def _show(sample: Sample, output: Path) -> None:
    screen = Screen()
    seed, head = sample.seed, sample.seed.trusted.checkpoint
    screen.line((f"{len(sample.drawn):,} of {counted(sample.population, 'records')} drawn", "bold"))
    screen.line("")
    screen.field("Seed", seed.value.hex())
    screen.field("Checkpoint", f"{head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}")
    cosigners: Json = sorted({line.key.name for line in seed.trusted.cosignatures})
    if cosigners:
        screen.field("Cosigned by", ", ".join(cosigners))
    else:
        screen.field("Cosigned by", "nobody: whoever wrote the log could have tried out seeds", style="yellow")
    if sample.later:
        screen.field(
            "Left out", f"{counted(sample.later, 'records')} of the selection came into the log after the checkpoint"
        )
    screen.field("Worksheet", str(output / WORKSHEET))
    screen.field("Evidence", f"{output / BUNDLES}, each verified; once more with glasslog verify")
    screen.field("How", f"{output / SAMPLE}, for whoever draws it again")
    screen.show()
