"""Run the program within this process, and look at what it leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer.cli import main

REGISTRATION: dict[str, Any] = {
    "type": "model-registration",
    "system": "urn:example:triage",
    "body": {"name": "m", "version": "1", "kind": "hosted", "publisher": "p", "assurance": "self-asserted"},
}


@dataclass(frozen=True)
class Result:
    """What the program said."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


def make_run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> Result:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
