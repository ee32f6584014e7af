"""The README tells the truth: its commands exist, and its walk through a decision runs as it stands."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import PATIENCE_S

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = {"glasslog": "glasslog", "glasslog-server": "glasslog_server", "glasslog-issuer": "glasslog_issuer"}
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_TESTED = re.compile(r"<!-- tested: [^>]*-->\n```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command of ours in the shell blocks of the documents."""
    for document in DOCUMENTS:
        for block in _BLOCK.findall(document.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.partition(" | ")[0], comments=True) if line.startswith("glasslog") else []
                if words:
                    yield document.name, words


@pytest.mark.parametrize("document, words", list(commands()), ids=lambda value: " ".join(value)[:60])
def test_a_command_in_the_documents_has_the_options_that_it_is_shown_with(document: str, words: list[str]) -> None:
    program, *arguments = words
    subcommands = []
    for word in arguments:
        if not re.fullmatch(r"[a-z]+", word):
            break
        subcommands.append(word)
    shown = help_of(program, subcommands)
    for option in (word for word in arguments if word.startswith("-")):
        assert re.search(rf"(^|[\s,]){re.escape(option)}\b", shown), f"{document}: {program} has no {option}"


def help_of(program: str, subcommands: list[str]) -> str:
    arguments = [sys.executable, "-m", MODULES[program], *subcommands, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_link_to_a_file_leads_to_one() -> None:
    for document in DOCUMENTS:
        for target in _LINK.findall(document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """Put our three commands on the path, whether or not they are installed as scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, module in MODULES.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        script.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NO_COLOR": "1"}


def test_the_walk_through_a_decision_runs_as_it_stands(tmp_path: Path, programs: dict[str, str]) -> None:
    start = ["glasslog-server", "dev", "--dir", "./dev-log", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(start, cwd=tmp_path, env=programs, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = re.search(r"http://\S+:(\d+)", server.stdout.readline())
            assert ready is not None
            blocks = [
                block.replace("127.0.0.1:8600", f"127.0.0.1:{ready[1]}")
                for block in _TESTED.findall((ROOT / "README.md").read_text())
            ]
            assert len(blocks) == 2
            done = subprocess.run(
                ["bash", "-euc", "".join(blocks)],
                cwd=tmp_path,
                env=programs,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
        finally:
            server.send_signal(signal.SIGTERM)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout
    assert "PA chest film" in done.stdout
