"""Run `glasslog audit` as a firm would: the real program, on a folder of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.evil.honest import Honest


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
    command = [sys.executable, "-m", "glasslog", "audit", "--log", url, "--log-key", honest.vkey_option]
    done = subprocess.run(
        [*command, "--state", str(state), *options], capture_output=True, text=True, timeout=100, check=False
    )
    return Audited(done.returncode, done.stdout + done.stderr, state)
