"""What a command loads: its own modules and no more, so that it starts at once and can be ended while it does."""

import gc
import io
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import glasslog.cli.program
import glasslog_issuer.cli.program
import glasslog_server.cli.program
from glasslog.cli import import_at_once
from glasslog.cli.loading import Commands
from tests.verifier.evidence import VKEY, small_log

PROGRAMS = {
    "glasslog": glasslog.cli.program.commands,
    "glasslog_issuer": glasslog_issuer.cli.program.program,
    "glasslog_server": glasslog_server.cli.program.program,
}
HEAVY = ("aiohttp", "glasslog.sources.http", "jinja2", "multiprocessing", "rich", "rocksdict", "sqlite3", "urllib3")
"""What is loaded where it is needed, and takes as long as all of the verification."""


def run(package: str, *arguments: str, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with something done before and after it."""
    last = after or "pass"
    script = f"import sys\n{before}\nfrom {package}.cli import main\ntry: sys.exit(main())\nfinally: {last}\n"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def loaded(package: str, *arguments: str) -> set[str]:
    """Return which modules a run of a program has loaded when it ends."""
    done = run(package, *arguments, after="print(*sys.modules, file=sys.stderr)")
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("package", PROGRAMS)
def test_the_help_says_of_every_command_what_the_command_says(package: str) -> None:
    program = PROGRAMS[package]
    assert isinstance(program, Commands)
    context = click.Context(program)
    for name, place in program.table.items():
        command = program.get_command(context, name)
        assert command is not None
        assert (command.name, command.get_short_help_str(limit=200)) in {(name, place.says), ("command", place.says)}


@pytest.mark.parametrize("package", PROGRAMS)
def test_the_help_names_all_commands_and_loads_none(package: str) -> None:
    table = PROGRAMS[package].table
    done = run(package, "--help", after="print(*sys.modules, file=sys.stderr)")
    listed = done.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed if line[2:3] != " "] == list(table)
    modules = set(done.stderr.split())
    assert modules.isdisjoint(place.module for place in table.values())
    if package != "glasslog_issuer":  # which is a library first: what it offers is loaded with it
        assert modules.isdisjoint(HEAVY)


def test_verification_loads_neither_a_database_nor_pages_nor_what_draws_progress(tmp_path: Path) -> None:
    file = tmp_path / "d.glasslog"
    file.write_bytes(small_log().bundle(0).encode())
    modules = loaded("glasslog", "verify", str(file), "--log-key", str(VKEY))
    assert modules.isdisjoint({*HEAVY, "rich.progress", "rich.table", "nacl.bindings"} - {"rich"})


def test_garbage_is_looked_for_again_once_a_module_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert import_at_once("this").__name__ == "this"
    assert gc.isenabled()
    monkeypatch.delitem(sys.modules, "this")
    gc.disable()
    try:
        assert import_at_once("this").__name__ == "this"
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ModuleNotFoundError):
        import_at_once("glasslog.nothing")
    assert gc.isenabled()


def test_a_worker_of_an_audit_loads_what_judges_entries_and_nothing_that_shows_or_keeps() -> None:
    script = "import sys; from glasslog.mirror.worker import serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    unwanted = {*HEAVY, "click", "json", "tempfile", "nacl.bindings", "glasslog.mirror.state", "glasslog.checkpoint"}
    assert unwanted.isdisjoint(done.stdout.split())


def _interrupted_at(module: str) -> str:
    """Return what presses Ctrl-C while a module is being imported."""
    return (
        "import signal\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: signal.raise_signal({int(signal.SIGINT)})\n"
        "sys.meta_path.insert(0, Finder())\n"
    )


@pytest.mark.parametrize(
    "package, command, module",
    [
        ("glasslog", "verify", "click"),
        ("glasslog", "verify", "glasslog.cli.verify"),
        ("glasslog", "audit", "sqlite3"),
        ("glasslog_issuer", "sign", "click"),
        ("glasslog_issuer", "sign", "glasslog_issuer.cli.sign"),
        ("glasslog_server", "status", "click"),
        ("glasslog_server", "status", "glasslog_server.cli.status"),
    ],
)
def test_an_interruption_while_a_command_is_loaded_is_told_in_one_line(package: str, command: str, module: str) -> None:
    done = run(package, command, before=_interrupted_at(module))
    line = "Interrupted: nothing is half-written; run the same command again.\n"
    told = f"glasslog-server: {line}" if package == "glasslog_server" else line
    assert (done.returncode, done.stdout, done.stderr) == (130, "", told)
