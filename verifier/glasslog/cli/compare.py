"""`glasslog compare`: hold checkpoints from different places against each other, and keep evidence of a fork."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from glasslog import __version__
from glasslog.bundle import decode_bundle
from glasslog.checkpoint import open_checkpoint
from glasslog.cli.document import Json, encode_document
from glasslog.cli.examples import example
from glasslog.cli.options import JSON_OPTION, LOG_KEY_OPTION, POLICY_OPTION, trust_of
from glasslog.cli.reaching import reach
from glasslog.cli.screen import Screen
from glasslog.cli.writing import printable, write_text
from glasslog.comparison import Compared, Relation, Tree, View, compare_view
from glasslog.counting import counted
from glasslog.errors import GlasslogError, MalformedError, UncheckableError
from glasslog.filetype import FileType, detect
from glasslog.fork import FORK_SUFFIX
from glasslog.limits import BUNDLE_BYTES_MAX
from glasslog.policy import Policy
from glasslog.sources.folder import read_file, write_file
from glasslog.sources.places import is_url, open_log
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


@dataclass(frozen=True, slots=True)
class _Failure:
    """A place that shows nothing to compare: it cannot be had, or what it shows is not signed by the log."""

    place: str
    error: GlasslogError


@dataclass(slots=True)
class _Gathered:
    """What the places have shown."""

    views: list[View] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    failures: list[_Failure] = field(default_factory=list)


@click.command(
    short_help="Compare checkpoints from different places: has a log shown two trees?",
    epilog=example(
        "glasslog compare https://log.example ./audit checkpoint-from-a-customer --log-key @log.vkey",
    ),
)
@click.argument("places", metavar="PLACE...", nargs=-1, required=True)
@LOG_KEY_OPTION
@POLICY_OPTION
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
    gathered = _Gathered()
    with ExitStack() as stack:
        for place in places:
            with _noting(place, gathered.failures):
                _gather(place, keys, gathered, stack)
        compared = list(_compare_all(gathered))
    written = _write_evidence(compared, folder)
    for failure in gathered.failures:
        click.echo(f"Error: {printable(f'{failure.place}: {failure.error}')}", err=True)
    if as_json:
        write_text(encode_document(_document(compared, gathered.failures, written)))
    else:
        _show(compared, gathered.failures, written)
    return _exit_code(compared, gathered.failures)


@contextmanager
def _noting(place: str, failures: list[_Failure]) -> Iterator[None]:
    """Note what goes wrong at one place, and go on with the others."""
    try:
        yield
    except GlasslogError as error:
        failures.append(_Failure(place, error))


def _gather(place: str, keys: Sequence[VerifierKey], gathered: _Gathered, stack: ExitStack) -> None:
    source = reach(place, None) if is_url(place) else open_log(place)
    if source is None:
        gathered.views.append(_view(place, _note_in(Path(place)), keys))
        return
    stack.enter_context(closing(source))
    shown = _view(place, source.checkpoint(), keys)
    gathered.views.append(shown)  # signed, whatever the tiles are
    gathered.views.extend(view for view in _seen(place, source, keys) if view.head != shown.head)
    gathered.trees.append(Tree(shown, _tiles(source, shown)))


def _compare_all(gathered: _Gathered) -> Iterator[Compared]:
    for view in gathered.views:
        compared = Compared(view, None, Relation.UNPROVEN)
        with _noting(view.source, gathered.failures):
            compared = compare_view(view, gathered.views, gathered.trees)
        yield compared


def _exit_code(compared: Sequence[Compared], failures: Sequence[_Failure]) -> int:
    relations = {one.relation for one in compared}
    if Relation.FORKED in relations or not all(isinstance(failure.error, UncheckableError) for failure in failures):
        return EXIT_FORKED
    return EXIT_UNPROVEN if failures or Relation.UNPROVEN in relations else 0


def _view(place: str, note: bytes, keys: Sequence[VerifierKey]) -> View:
    return View(place, note, open_checkpoint(note, keys).checkpoint)


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
        case other:
            got = f"{other.one}: {other.place}" if other is not None else "another file"
            msg = f"expected a checkpoint, a tlog-proof or an evidence bundle in {path}, got {got}"
            raise MalformedError(msg)


def _tiles(source: LogSource, shown: View) -> VerifiedTiles:
    return VerifiedTiles(shown.head.size, shown.head.root, lambda tile, width: read_tile(source, tile, width))


def _seen(place: str, source: LogSource, keys: Sequence[VerifierKey]) -> Iterator[View]:
    """Yield the checkpoints that an audit has kept beside the newest."""
    for note in source.seen():
        yield _view(f"{place}, seen earlier", note, keys)


def _write_evidence(compared: Sequence[Compared], folder: Path) -> dict[str, Path]:
    """Write the evidence for each two trees once; return where it is, by its name."""
    written: dict[str, Path] = {}
    for one in compared:
        name = _evidence_name(one)
        if one.evidence is not None and name not in written:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                msg = f"cannot make the folder {folder}: {error.strerror}"
                raise UncheckableError(msg) from error
            write_file(folder / name, one.evidence)
            written[name] = folder / name
    return written


def _evidence_name(one: Compared) -> str:
    """Return the name of the evidence for a view and what contradicts it: the same whichever of them comes first."""
    views = (one.view, *([one.other] if one.other is not None else []))
    heads = sorted((view.head.size, view.head.root.hex()[:8]) for view in views)
    return "-".join(f"{size}-{root}" for size, root in heads) + FORK_SUFFIX


def _document(compared: Sequence[Compared], failures: Sequence[_Failure], written: dict[str, Path]) -> dict[str, Json]:
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
                "evidence": str(written[_evidence_name(one)]) if one.evidence is not None else None,
            }
            for one in compared
        ],
        "failed": [
            {"source": failure.place, "error": failure.error.code, "message": str(failure.error)}
            for failure in failures
        ],
    }


def _show(compared: Sequence[Compared], failures: Sequence[_Failure], written: dict[str, Path]) -> None:
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
            screen.field("evidence", str(written[_evidence_name(one)]), indent=2, style="bold")
    screen.line("")
    _conclude(screen, compared, len(failures))
    screen.show()


def _conclude(screen: Screen, compared: Sequence[Compared], failures: int) -> None:
    unproven = sum(one.relation is Relation.UNPROVEN for one in compared)
    if any(one.relation is Relation.FORKED for one in compared):
        screen.line(
            ("FORK", "bold red"), ": the log has signed two trees; `glasslog verify` shows it from the evidence"
        )
    elif unproven or failures:
        why = [f"nothing to hold {unproven} of them against"] if unproven else []
        why += [f"{counted(failures, 'errors')}, see above"] if failures else []
        screen.line(("COULD NOT COMPARE ALL", "bold yellow"), f": {'; '.join(why)}")
    else:
        trees = len({one.view.head.origin for one in compared})
        are = "is" if len(compared) == 1 else "are"
        tree = "one tree" if trees == 1 else f"{trees} logs, each of one tree"
        screen.line(("CONSISTENT", "bold green"), f": {counted(len(compared), 'checkpoints')} {are} of {tree}")


def _told(one: Compared) -> str:
    if one.other is None:
        return "with nothing: no other tree at hand is so large, and no other checkpoint has this size"
    other = f"the tree of {one.other.head.size:,} at {printable(one.other.source)}"
    if one.relation is Relation.FORKED:
        return f"contradicts {other}"
    if one.view.head.size == one.other.head.size:
        return f"is {other}"
    return f"is the beginning of {other}" if one.view.head.size < one.other.head.size else f"begins with {other}"
