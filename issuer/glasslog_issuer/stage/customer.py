"""Be the customer: run the command `glasslog` on files, as who has neither the server nor the vendor at hand."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog_issuer.stage.errors import DemoError

COMMAND_TIMEOUT_S: Final = 60.0
OUTPUT_COLUMNS: Final = 120


@dataclass(frozen=True, slots=True)
class CommandRun:
    """A command that was run: how it is typed, how it ended, and what it printed."""

    line: str
    exit_code: int
    output: str


class Customer:
    """Someone with a folder of files and the command `glasslog`."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, made when it is missing, in which the command is run; its files are named without it."""
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def receive(self, name: str, data: bytes) -> None:
        """Put a file into the folder."""
        (self.folder / name).write_bytes(data)

    def run(self, *arguments: str) -> CommandRun:
        """Run `glasslog` and wait for it. Raises DemoError when it does not end."""
        environment = {**os.environ, "COLUMNS": str(OUTPUT_COLUMNS), "NO_COLOR": "1", "PYTHONUTF8": "1"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "glasslog", *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            msg = f"expected glasslog {arguments[0]} to end within {COMMAND_TIMEOUT_S:.0f} s"
            raise DemoError(msg) from error
        line = " ".join(("glasslog", *arguments))
        return CommandRun(line, done.returncode, done.stdout.decode(errors="replace").rstrip())
