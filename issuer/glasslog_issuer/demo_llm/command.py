"""The command `glasslog-issuer demo-llm`."""

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

from glasslog_issuer.demo.errors import DemoError
from glasslog_issuer.demo_llm.questions import QUESTIONS_MAX
from glasslog_issuer.demo_llm.run import Demonstration
from glasslog_issuer.demo_llm.screen import Screen

QUESTIONS_DEFAULT: Final = 30
QUESTIONS_MIN: Final = 5  # with fewer, no guardrail is switched off for any of them
_EXIT_NOT_AS_IT_MUST_BE: Final = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--questions",
    type=click.IntRange(QUESTIONS_MIN, QUESTIONS_MAX),
    default=QUESTIONS_DEFAULT,
    show_default=True,
    help="How many questions are asked.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep everything that is made in DIR, which must be empty or not be there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the summary, as one JSON object.")
def demo_llm(questions: int, keep: Path | None, *, as_json: bool) -> int:
    """Put a language model on a log through OpenTelemetry, and find the guardrail that was switched off.

    A real model answers a clinic's patients, on this machine, and a log of its own records it; nothing else is reached.
    Exits with 0 only when everything that happened is on the log and verifies, and what was left out is found.
    """
    screen = Screen(Console(quiet=as_json, highlight=False))
    with _ending_on_signals(), _folder(keep) as folder:
        summary = Demonstration(folder, questions, screen).run()
    screen.end(summary)
    if as_json:
        click.echo(json.dumps(summary.to_fields(), indent=2))
    return 0 if summary.holds else _EXIT_NOT_AS_IT_MUST_BE


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder: the one to keep, or one that is removed afterwards."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="glasslog-demo-llm-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        msg = f"{keep}: expected an empty folder, got one with files in it"
        raise DemoError(msg)
    yield keep.absolute()


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Turn a request to end into SystemExit while the block runs, so that what was started is stopped."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
