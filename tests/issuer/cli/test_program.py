import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from glasslog import __version__
from glasslog.errors import MalformedError, SignatureError, UncheckableError
from glasslog_issuer import files
from glasslog_issuer.cli import keygen, program
from glasslog_issuer.cli.exits import Exit, exit_of
from glasslog_issuer.errors import (
    BrokenAnswerError,
    IssuerError,
    KeyFileError,
    MissingPackageError,
    RefusedError,
    StreamError,
    UnavailableError,
)
from tests.issuer.cli.running import Run


@pytest.mark.parametrize("arguments", [["--help"], ["keygen", "-h"], ["sign", "-h"], ["submit", "-h"]])
def test_every_command_says_how_it_is_used(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 0
    assert result.out.startswith("Usage: glasslog-issuer")


def test_the_program_says_its_version(run: Run) -> None:
    assert run("--version").out == f"glasslog-issuer {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["unheard-of"], ["keygen"], ["sign"], ["submit"], ["submit", "--log", "x"]])
def test_wrong_usage_is_told_on_standard_error(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert "Usage: glasslog-issuer" in result.err


@pytest.mark.parametrize(
    "error,code",
    [
        (MalformedError("x"), 1),
        (SignatureError("x"), 1),
        (RefusedError("Rejected", "x"), 1),
        (BrokenAnswerError("x"), 1),
        (KeyFileError("x"), 2),
        (StreamError("x"), 3),
        (UnavailableError("x"), 3),
        (MissingPackageError("x"), 3),
        (UncheckableError("x"), 3),
        (FileNotFoundError(2, "No such file", "name"), 3),
        (OSError("x"), 3),
        (ZeroDivisionError("x"), 3),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)
def test_every_error_ends_the_program_with_its_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    @click.command("fail")
    def fail() -> None:
        raise error

    monkeypatch.setattr(program.program, "get_command", lambda *_: fail)
    result = run("fail")
    assert result.code == code
    assert result.out == ""


def test_every_class_of_error_has_an_exit_code_and_a_code_of_its_own() -> None:
    classes = [IssuerError]
    for known in classes:
        classes += [error for error in known.__subclasses__() if error.__module__ == IssuerError.__module__]
    assert len({error.code for error in classes}) == len(classes) == 16
    assert {exit_of(error.__new__(error)) for error in classes} == {Exit.REFUSED, Exit.USAGE, Exit.UNABLE}


def test_the_installed_program_is_this_one() -> None:
    program = Path(sys.executable).with_name("glasslog-issuer")
    assert subprocess.run([program, "unheard-of"], check=False, capture_output=True).returncode == 2
    assert subprocess.run([program, "-h"], check=True, capture_output=True).stdout.startswith(b"Usage: glasslog-issuer")


def test_an_interrupt_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keygen, "generate_key", interrupted)
    result = run("keygen", "-o", "issuer.pem")
    assert (result.code, result.err.strip()) == (
        130,
        "Interrupted: nothing is half-written; run the same command again.",
    )


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as told:
        files.create(tmp_path / "s.cose", b"statement")
    assert told.value.filename == str(tmp_path / "s.cose")
    assert not (tmp_path / "s.cose").exists()
