"""The command line says what it can do, and refuses what it cannot, before anything is touched."""

import errno
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from glasslog.cli.ending import ending_on_signals
from glasslog_server.cli import main
from glasslog_server.cli import serve as serving_command
from glasslog_server.cli.exits import Exit, exit_of
from glasslog_server.cli.program import COMMANDS, PROGRAM, program
from glasslog_server.config import Config
from glasslog_server.errors import (
    ConfigError,
    FaultError,
    GuardLockedError,
    GuardMissingError,
    KeyFileError,
    ListenError,
    RequestError,
    ServerError,
    StoreLockedError,
    UnavailableError,
)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments, prog_name=PROGRAM)


@pytest.mark.parametrize(
    "command",
    ["", *COMMANDS, "issuer add", "issuer list", "issuer revoke", "guard adopt", "guard show"],
)
def test_every_command_explains_itself(command: str) -> None:
    result = invoke(*command.split(), "--help")
    assert (result.exit_code, f"Usage: {PROGRAM} {command}".rstrip() in result.output) == (0, True)


def test_the_help_names_the_commands_in_the_order_of_their_use() -> None:
    output = invoke("--help").output
    places = [output.index(f"\n  {command} ") for command in COMMANDS]
    assert places == sorted(places)


def test_every_option_is_explained() -> None:
    for command in ("init", "dev", "serve", "status", "fsck", "issuer add", "issuer revoke", "guard adopt"):
        context = program.make_context(PROGRAM, [*command.split(), "--help"], resilient_parsing=True)
        found = program
        for word in command.split():
            loaded = found.get_command(context, word)
            assert loaded is not None
            found = loaded  # type: ignore[assignment]
        unexplained = [option.name for option in found.params if not getattr(option, "help", None)]
        assert unexplained == []


@pytest.mark.parametrize(
    "arguments,complaint",
    [
        ("init --dir x --origin https://log.example/", "expected the log's URL without scheme"),
        ("init --dir x --origin log.example --listen 8080", "expected ADDRESS:PORT such as"),
        ("init --dir x --origin log.example --log-key {command", "expected an inline table of TOML"),
        ("init --dir x --origin log.example --entries-access some", "is not one of 'public', 'token'"),
        ("init --origin log.example", "Missing option '--dir'"),
        ("dev --listen nowhere", "expected ADDRESS:PORT such as"),
        ("serve", "Missing option '--config'"),
        ("issuer add --config x --issuer a:b --key k --valid-from yesterday", "expected a time such as 2026-01-31"),
        ("frobnicate", "No such command 'frobnicate'"),
        ("issuer frobnicate", "No such command 'frobnicate'"),
    ],
)
def test_a_wrong_command_line_is_told_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments.split(" "))
    assert result.exit_code == Exit.USAGE
    assert complaint in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error,code",
    [
        (ConfigError, Exit.USAGE),
        (KeyFileError, Exit.USAGE),
        (ListenError, Exit.UNABLE),
        (StoreLockedError, Exit.UNABLE),
        (GuardLockedError, Exit.UNABLE),
        (UnavailableError, Exit.UNABLE),
        (GuardMissingError, Exit.FAILED),
        (FaultError, Exit.FAILED),
        (RequestError, Exit.FAILED),
    ],
)
def test_an_error_ends_in_the_exit_code_of_who_can_act(error: type[ServerError], code: Exit) -> None:
    assert exit_of(error("so")) == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_end_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    def interrupt(_: Path) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("glasslog_server.cli.serve.load_config", interrupt)
    with ending_on_signals():
        result = invoke("serve", "--config", str(tmp_path / "x"))
    said = f"{PROGRAM}: Interrupted: nothing is half-written; run the same command again.\n"
    assert (result.exit_code, result.stderr) == (Exit.INTERRUPTED, said)


@pytest.mark.parametrize(
    "configured, arguments, expected",
    [("", (), 3), ("workers = 5", (), 5), ("workers = 0", (), 0), ("workers = 5", ("--workers", "1"), 1)],
)
def test_there_is_a_worker_for_each_core_unless_somebody_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: str, arguments: tuple[str, ...], expected: int
) -> None:
    served: list[int] = []
    monkeypatch.setattr(serving_command, "usable_cores", lambda: 3)
    monkeypatch.setattr(serving_command, "serve_log", lambda _, *, workers, **__: served.append(workers))
    assert invoke("init", "--dir", str(tmp_path / "log"), "--origin", "log.example/workers").exit_code == 0
    config = tmp_path / "log" / "config.toml"
    config.write_text(config.read_text().replace("[http]", f"[http]\n{configured}"))
    result = invoke("serve", "--config", str(config), *arguments)
    assert (result.exit_code, served) == (0, [expected]), result.output


def test_a_full_disk_under_the_output_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("glasslog_server.cli.guard.load_config", full)
    result = invoke("guard", "show", "--config", "config.toml")
    assert result.exit_code == Exit.UNABLE
    assert result.stderr == "glasslog-server: cannot write the output: No space left on device\n"


def test_an_issuer_that_is_no_uri_is_wrong_usage() -> None:
    result = invoke("issuer", "add", "--config", "config.toml", "--issuer", "Vendor Inc", "--key", "vendor.pub.pem")
    assert result.exit_code == Exit.USAGE
    assert "--issuer: expected a URI of at most 512 bytes, got 'Vendor Inc'" in result.stderr


def test_what_a_command_does_is_told_whole_in_the_list() -> None:
    listed = invoke("--help").stdout.partition("Commands:")[2]
    assert "..." not in listed


def test_without_its_packages_the_program_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["glasslog-server", "status"])
    monkeypatch.delitem(sys.modules, "glasslog_server.logs", raising=False)
    monkeypatch.setitem(sys.modules, "structlog", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == Exit.UNABLE
    assert capsys.readouterr().err == "glasslog-server: expected the package structlog: install glasslog[server]\n"


def test_a_script_reads_that_a_copied_guard_was_adopted(log_config: Config) -> None:
    config = log_config.storage.guard.parents[1] / "config.toml"
    copy = log_config.storage.guard.with_name("copy")
    shutil.copy(log_config.storage.guard, copy)
    copy.replace(log_config.storage.guard)
    said = json.loads(invoke("guard", "show", "--config", str(config), "--json").output)
    assert said["original"] is False
    adopted = invoke("guard", "adopt", "--config", str(config), "--i-stopped-the-other", "--json")
    assert (adopted.exit_code, json.loads(adopted.output)["original"]) == (0, True)
    assert json.loads(invoke("guard", "show", "--config", str(config), "--json").output)["original"] is True
