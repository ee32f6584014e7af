"""What the command lines of both demos have in common: two options, a folder, how it ends and with which exit code."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

from glasslog_issuer.stage.folders import empty_folder
from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.summary import Summary

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
_EXIT_NOT_AS_IT_MUST_BE: Final = 1

keep_option: Final = click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep everything that is made in DIR, which must be empty or not be there.",
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print nothing but the summary, as one JSON object."
)


def perform(demo: Callable[[Path, Narration], Summary], *, well: str, keep: Path | None, as_json: bool) -> int:
    """Run a demo in a folder, tell of it, and return the exit code: 0 when everything is as it must be.

    `well` is what is said then. What the demo started is stopped when the process is asked to end.
    """
    narration = Narration(Console(quiet=as_json, highlight=False))
    with ending_on_signals(), empty_folder(keep) as folder:
        summary = demo(folder, narration)
    narration.end(summary, well)
    if keep is not None:
        narration.tell_kept(keep)
    if as_json:
        click.echo(json.dumps(summary.to_fields(), indent=2))
    return 0 if summary.holds else _EXIT_NOT_AS_IT_MUST_BE


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Turn a request to end into SystemExit while the block runs, so that the log is stopped and the folder removed."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
