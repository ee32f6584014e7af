"""`glasslog export`: write a whole log into one archive, to be kept and audited offline."""

import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import click

from glasslog.checkpoint import Checkpoint, decode_checkpoint
from glasslog.cli.audit_progress import progress_for
from glasslog.cli.document import encode_document
from glasslog.cli.examples import example
from glasslog.cli.options import (
    JSON_OPTION,
    LOG_KEY_OPTION,
    OUTPUT_FILE,
    POLICY_OPTION,
    TOKEN_OPTION,
    WebUrl,
    trust_of,
)
from glasslog.cli.reaching import reach
from glasslog.cli.writing import printable, write_text
from glasslog.counting import counted
from glasslog.errors import UncheckableError
from glasslog.limits import NOTE_BYTES_MAX
from glasslog.mirror.export import write_archive
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Progress
from glasslog.mirror.state import State, open_state
from glasslog.mirror.sync import Trust, sync, take_checkpoint
from glasslog.note import decode_note
from glasslog.policy import Policy
from glasslog.sources.directory import DirectorySource
from glasslog.sources.folder import read_file
from glasslog.sources.source import CHECKPOINT, LogSource
from glasslog.vkey import VerifierKey


@click.command(
    short_help="Write a whole log into one archive.",
    epilog=example(
        "glasslog export --log https://log.example --log-key @log.vkey -o log.zip",
        "glasslog export --state ./audit -o log.zip",
    ),
)
@click.option("--log", "url", metavar="URL", type=WebUrl(), help="The log's base URL; its key is needed too.")
@click.option(
    "--state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The state folder of an audit; its tree is written, with all checkpoints that it has seen.",
)
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="The ZIP file.")
@LOG_KEY_OPTION
@POLICY_OPTION
@TOKEN_OPTION
@JSON_OPTION
def command(
    *,
    url: str | None,
    state: Path | None,
    output: Path,
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Write a whole log into one archive: everything that an audit needs, offline and for years.

    All of it is verified as it is written. The same tree gives the same file, byte for byte.

    Exit codes: 0 written, 1 verification failed, 2 wrong usage, 3 could not read or write.
    """
    if (url is None) == (state is None):
        msg = "Say what to write: --log or --state, one of them."
        raise click.UsageError(msg)
    with ExitStack() as stack:
        progress = stack.enter_context(progress_for(as_json=as_json))
        if url is not None:
            trust = Trust(trust_of(log_keys, policy).log_keys, policy)
            source = stack.enter_context(closing(reach(url, token)))
            beside = tempfile.TemporaryDirectory(prefix=".glasslog-export-", dir=output.resolve().parent)
            state = Path(stack.enter_context(beside))
            _mirror(source, state, trust, progress)
        head = _write(state or Path(), output, Trust(log_keys, policy) if log_keys else None, progress)
    if as_json:
        tree = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        write_text(encode_document({"file": str(output), "tree": tree}))
    else:
        write_text(
            printable(f"{output}: {head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}", None) + "\n"
        )
    return 0


def _mirror(source: LogSource, folder: Path, trust: Trust, progress: Progress) -> None:
    """Mirror a log into a folder that is used for nothing else."""
    held = State.open(folder)
    try:
        shown = take_checkpoint(source, held, trust)
        if trust.policy is not None:
            trust.policy.verify(shown.trusted)
        sync(source, Place(), held, trust, shown, progress)
    finally:
        held.close()


def _write(state: Path, output: Path, trust: Trust | None, progress: Progress) -> Checkpoint:
    """Write the archive of a state's tree; without keys, the checkpoint is taken as the audit has left it."""
    with closing(open_state(state)) as local:
        note = read_file(state / CHECKPOINT, NOTE_BYTES_MAX)
        head = trust.open(note).checkpoint if trust is not None else decode_checkpoint(decode_note(note).text)
        if output.resolve() == Path(local.name).resolve():
            msg = f"expected another file than {output}, which the state is read from"
            raise UncheckableError(msg)
        write_archive(output, local, (note, head), DirectorySource(state).seen(), progress)
    return head
