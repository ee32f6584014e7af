"""`glasslog inspect`: show what a file holds, and say that nothing of it was verified."""

from pathlib import Path
from typing import Final

import click

from glasslog import __version__
from glasslog.cli.description import DESCRIBED, describe, record_in
from glasslog.cli.document import encode_document
from glasslog.cli.examples import example
from glasslog.cli.options import INPUT_FILE, JSON_OPTION, read_input
from glasslog.cli.screen import Screen
from glasslog.cli.summary import add_record
from glasslog.cli.writing import printable, write_text
from glasslog.counting import counted
from glasslog.errors import MalformedError
from glasslog.filetype import FileType, detect

NOTHING_VERIFIED: Final = "Nothing here was verified: anybody can write such a file. Use `glasslog verify`."


@click.command(
    short_help="Show what a file holds; verifies nothing.",
    epilog=example(
        "glasslog inspect evidence.glasslog",
        "glasslog inspect 000 --type tile",
    ),
)
@click.argument("file", type=INPUT_FILE)
@click.option(
    "--type",
    "type_name",
    metavar="TYPE",
    type=click.Choice([file_type.value for file_type in DESCRIBED]),
    help=f"What the file is: {', '.join(DESCRIBED)}. Needed for tiles and entry bundles, which bear no mark.",
)
@JSON_OPTION
def command(file: Path, type_name: str | None, *, as_json: bool) -> int:
    """Show what FILE holds, whatever of ours it is; - is standard input. Verifies nothing.

    Exit codes: 0 shown, 1 malformed, 2 wrong usage, 3 could not read.
    """
    data = read_input(file)
    file_type = FileType(type_name) if type_name is not None else detect(data)
    if file_type is None:
        size = counted(len(data), "bytes")
        msg = f"expected a file that Glasslog knows, got {size} without its marks: --type says what it is"
        raise MalformedError(msg)
    content = describe(data, file_type)
    if as_json:
        document = {
            "glasslog": __version__,
            "file": str(file),
            "type": file_type.value,
            "bytes": len(data),
            "verified": False,
            "content": content,
        }
        write_text(encode_document(document))
        return 0
    screen = Screen()
    screen.line((printable(str(file)), "bold"), f"  {file_type.label}, {counted(len(data), 'bytes')}")
    screen.line((NOTHING_VERIFIED, "yellow"))
    screen.line("")
    record = record_in(data, file_type)
    if record is not None:
        add_record(screen, record)
        screen.line("")
    screen.tree(content)
    screen.show()
    return 0
