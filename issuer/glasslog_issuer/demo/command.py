"""The command `glasslog-issuer demo`."""

from pathlib import Path
from typing import Final

import click

from glasslog_issuer.demo.arrivals import ARRIVALS_MAX, ARRIVALS_MIN
from glasslog_issuer.demo.run import Demonstration
from glasslog_issuer.stage.command import CONTEXT, json_option, keep_option, perform

DECISIONS_DEFAULT: Final = 300
_WELL: Final = "Everything that should verify did; every forgery was caught."


@click.command(context_settings=CONTEXT)
@click.option(
    "--decisions",
    type=click.IntRange(ARRIVALS_MIN, ARRIVALS_MAX),
    default=DECISIONS_DEFAULT,
    show_default=True,
    help="How many referrals arrive.",
)
@keep_option
@json_option
def demo(decisions: int, keep: Path | None, *, as_json: bool) -> int:
    """Show the whole way: a risk model decides about real people, a log records, anybody verifies.

    Starts a log of its own on this machine and stops it again; nothing else is reached. Exits with 0 only when
    everything that should verify did and every forgery was caught.
    """
    return perform(
        lambda folder, narration: Demonstration(folder, decisions, narration).run(),
        well=_WELL,
        keep=keep,
        as_json=as_json,
    )
