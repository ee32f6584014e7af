"""The command line: `main`. What it runs is imported within, so that Ctrl-C ends the loading too, and in one line.

The program itself is `glasslog.cli.program`; the commands are a module each, imported when they are asked for.
"""

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

EXIT_INTERRUPTED: Final = 130
BEGIN_AGAIN: Final = "Interrupted: nothing is half-written; run the same command again."
_STANDARD_ERROR: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Takes the process's arguments unless others are given."""
    code: int = load("glasslog.cli.program").main(arguments)
    return code


def load(program: str, told: str = BEGIN_AGAIN) -> ModuleType:
    """Import the module of a program. Ctrl-C ends the process then as it does later: `told`, in one line."""
    try:
        return import_at_once(program)
    except KeyboardInterrupt:
        line = "\n" if os.isatty(_STANDARD_ERROR) else ""  # not behind the `^C`
        os.write(_STANDARD_ERROR, f"{line}{told}\n".encode())
        sys.exit(EXIT_INTERRUPTED)


def import_at_once(module: str) -> ModuleType:
    """Import a module without looking for garbage meanwhile: there is none, and looking is a good part of the time.

    What was imported is not looked at later either.
    """
    if module in sys.modules or not gc.isenabled():
        return importlib.import_module(module)
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()
