"""Write text to a terminal or a file: what came from a file is escaped first.

Text that a file holds could drive a terminal: move the cursor over a verdict, or turn a line around. So `printable`
leaves only characters that print. Colours and layout are of `glasslog.cli.screen`, loaded where there are any.
"""

import os
import sys
from pathlib import Path
from typing import Final

CHARACTERS_MAX: Final = 600
"""What is shown of one value; `--json` shows all of it."""


def printable(text: str, characters_max: int | None = CHARACTERS_MAX) -> str:
    r"""Return text in which everything that does not print, and the backslash, is escaped: `\x1b`, `\u202e`, `\\`."""
    cut = text if characters_max is None else text[:characters_max]
    escaped = "".join(
        character if character.isprintable() and character != "\\" else _escaped(character) for character in cut
    )
    return escaped if len(cut) == len(text) else f"{escaped}… ({len(text) - len(cut)} more characters)"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def write_text(text: str) -> None:
    """Write finished text to standard output, escaping what its encoding lacks."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # `glasslog verify ... | head` has read enough; without this Python would fail again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def give_streams() -> None:
    """Give a process that was started without standard output or standard error somewhere to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (until the process ends)


def error_text(error: OSError) -> str:
    """Return what went wrong with a file, or else with standard output."""
    return f"{error.filename or 'cannot write the output'}: {error.strerror or error}"
