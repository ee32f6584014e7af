"""A relying party's desk: a folder with keys and files, and the command line run on them, here or apart."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glasslog.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 (whatever was printed)
        return json.loads(self.out)


class Desk:
    """Files in a folder, which is the current one while commands run in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def put(self, name: str, data: bytes | str) -> str:
        (self.folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return name

    def run(self, *arguments: str) -> Outcome:
        """Run the command line in this process."""
        self._capsys.readouterr()
        code = main(list(arguments))
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    def run_apart(
        self, *arguments: str, program: tuple[str, ...] = (), stdin: bytes = b"", **environment: str
    ) -> Outcome:
        """Run the command line in a process of its own."""
        command = [*(program or (sys.executable, "-m", "glasslog")), *arguments]
        variables = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
        done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, env=variables, check=False)
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
