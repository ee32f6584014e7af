"""Run `glasslog audit` as a firm would, on a folder of its own: the whole command, in this process.

A program takes a second of work to start, and what is shown here is not that it does: tests/e2e and the monitor's
tests start it.
"""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glasslog.cli import main
from tests.evil.honest import Honest


@dataclass(frozen=True)
class Told:
    """How a command has ended, and what it wrote."""

    code: int
    out: str
    err: str


def glasslog(*arguments: str | Path) -> Told:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Told(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Audited:
    """How an audit has ended, and the folder that it worked in."""

    code: int
    said: str
    state: Path

    @property
    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "audit.json").read_text())
        return found

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Return the findings of all checks."""
        return [found for check in self.outcome["checks"] for found in check["findings"]]

    @property
    def evidence(self) -> list[Path]:
        return sorted((self.state / "evidence").iterdir())


def audit(honest: Honest, url: str, state: Path, *options: str) -> Audited:
    told = glasslog("audit", "--log", url, "--log-key", honest.vkey_option, "--state", state, *options)
    return Audited(told.code, told.out + told.err, state)
