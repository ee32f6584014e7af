"""`glasslog compare`: hold checkpoints from different places against each other, and keep evidence of a fork."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import click

from glasslog import __version__
from glasslog.bundle import decode_bundle
from glasslog.checkpoint import open_checkpoint
from glasslog.cli.document import Json, encode_document
from glasslog.cli.options import JSON_OPTION, LOG_KEY_OPTION, POLICY_OPTION, TOKEN_OPTION, trust_of
from glasslog.cli.screen import Screen, printable, write_text
from glasslog.comparison import Compared, Relation, Tree, View, compare
from glasslog.errors import GlasslogError, MalformedError, UncheckableError
from glasslog.filetype import FileType, detect
from glasslog.fork import FORK_SUFFIX
from glasslog.limits import BUNDLE_BYTES_MAX
from glasslog.policy import Policy
from glasslog.sources.folder import read_file, write_file
from glasslog.sources.places import open_log
from glasslog.sources.source import LogSource, read_tile
from glasslog.subtrees import VerifiedTiles
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.vkey import VerifierKey

EXIT_FORKED: Final = 1
EXIT_UNPROVEN: Final = 3

_MARKS: Final = {
    Relation.CONSISTENT: ("✓", "ok", "green"),
    Relation.FORKED: ("✗", "FORK", "bold red"),
    Relation.UNPROVEN: ("?", "?", "yellow"),
}


@click.command(short_help="Compare checkpoints from different places: has a log shown two trees?")
@click.argument("places", metavar="PLACE...", nargs=-1, required=True)
@LOG_KEY_OPTION
@POLICY_OPTION
@TOKEN_OPTION
@click.option(
    "--evidence",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the evidence of a fork.  [default: the current one]",
)
@JSON_OPTION
def command(
    *,
    places: tuple[str, ...],
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    token: str | None,
    folder: Path,
    as_json: bool,
) -> int:
    """Compare the checkpoints in every PLACE with each other.

    A PLACE is the URL of a log, a folder with a log or an audit's state, an exported archive, or a file with a
    checkpoint: a checkpoint itself, a tlog-proof, an evidence bundle. Ask from several networks, and collect what
    others were shown: a log that lies must keep its stories apart for ever.

    Exit codes: 0 all consistent, 1 a fork (evidence is written) or a false checkpoint, 2 wrong usage, 3 not all could
    be compared.
    """
    keys = trust_of(log_keys, policy).log_keys
    views: list[View] = []
    trees: list[Tree] = []
    with ExitStack() as stack:
        for place in places:
            source = open_log(place, token=token)
            if source is None:
                views.append(_view(place, _note_in(Path(place)), keys))
                continue
            stack.enter_context(closing(source))
            shown = _view(place, source.checkpoint(), keys)
            trees.append(Tree(shown, _tiles(source, shown)))
            views.append(shown)
            views.extend(_seen(place, source, keys))
        compared = compare(views, trees)
    written = _write_evidence(compared, folder)
    if as_json:
        write_text(encode_document(_document(compared, written)))
    else:
        _show(compared, written)
    relations = {one.relation for one in compared}
    if Relation.FORKED in relations:
        return EXIT_FORKED
    return EXIT_UNPROVEN if Relation.UNPROVEN in relations else 0


def _view(place: str, note: bytes, keys: Sequence[VerifierKey]) -> View:
    try:
        return View(place, note, open_checkpoint(note, keys).checkpoint)
    except GlasslogError as error:
        raise type(error)(f"{place}: {error}") from error


def _note_in(path: Path) -> bytes:
    """Return the signed note in a file. Raises MalformedError for a file without one."""
    data = read_file(path, BUNDLE_BYTES_MAX)
    match detect(data):
        case FileType.CHECKPOINT:
            return data
        case FileType.TLOG_PROOF:
            return decode_tlog_proof(data).checkpoint
        case FileType.BUNDLE:
            return decode_tlog_proof(decode_bundle(data).proof).checkpoint
        case _:
            msg = f"expected a checkpoint, a tlog-proof or an evidence bundle in {path}, got another file"
            raise MalformedError(msg)


def _tiles(source: LogSource, shown: View) -> VerifiedTiles:
    return VerifiedTiles(shown.head.size, shown.head.root, lambda tile, width: read_tile(source, tile, width))


def _seen(place: str, source: LogSource, keys: Sequence[VerifierKey]) -> Iterator[View]:
    """Yield the checkpoints that an audit has kept beside the newest."""
    for note in source.seen():
        yield _view(f"{place}, seen earlier", note, keys)


def _write_evidence(compared: Sequence[Compared], folder: Path) -> dict[bytes, Path]:
    """Write each piece of evidence once; return where it is."""
    written: dict[bytes, Path] = {}
    for one in compared:
        if one.evidence is not None and one.evidence not in written:
            path = folder / f"{one.view.head.size}-{one.view.head.root.hex()[:16]}{FORK_SUFFIX}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                msg = f"cannot make the folder {folder}: {error.strerror}"
                raise UncheckableError(msg) from error
            write_file(path, one.evidence)
            written[one.evidence] = path
    return written


def _document(compared: Sequence[Compared], written: dict[bytes, Path]) -> dict[str, Json]:
    return {
        "glasslog": __version__,
        "compared": [
            {
                "source": one.view.source,
                "origin": one.view.head.origin,
                "size": one.view.head.size,
                "root": one.view.head.root.hex(),
                "relation": one.relation.value,
                "with": one.other.source if one.other is not None else None,
                "with_size": one.other.head.size if one.other is not None else None,
                "evidence": str(written[one.evidence]) if one.evidence is not None else None,
            }
            for one in compared
        ],
    }


def _show(compared: Sequence[Compared], written: dict[bytes, Path]) -> None:
    screen = Screen()
    for one in compared:
        drawn, plain, style = _MARKS[one.relation]
        mark = drawn if screen.draws_unicode else f"{plain:<4}"
        head = one.view.head
        screen.line((mark, style), " ", (printable(one.view.source), "bold"), f"  {printable(head.origin)}")
        screen.field("size", f"{head.size:,}", indent=2)
        screen.field("root", head.root.hex(), indent=2)
        screen.field("compared", _told(one), indent=2)
        if one.evidence is not None:
            screen.field("evidence", str(written[one.evidence]), indent=2, style="bold")
    screen.line("")
    forks = sum(one.relation is Relation.FORKED for one in compared)
    unproven = sum(one.relation is Relation.UNPROVEN for one in compared)
    if forks:
        screen.line(
            ("FORK", "bold red"), ": the log has signed two trees; `glasslog verify` shows it from the evidence"
        )
    elif unproven:
        screen.line(("COULD NOT COMPARE ALL", "bold yellow"), f": nothing to hold {unproven} of them against")
    else:
        screen.line(("CONSISTENT", "bold green"), f": {len(compared)} checkpoints are of one tree")
    screen.show()


def _told(one: Compared) -> str:
    if one.other is None:
        return "with nothing: no tree at hand is so large, and no other checkpoint has this size"
    beginning = f"the tree of {one.other.head.size:,} at {one.other.source}"
    return f"is the beginning of {beginning}" if one.relation is Relation.CONSISTENT else f"contradicts {beginning}"
