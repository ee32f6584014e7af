"""The command `glasslog-issuer demo-llm`."""

from pathlib import Path
from typing import Final

import click

from glasslog_issuer.demo_llm.questions import QUESTIONS_MAX
from glasslog_issuer.demo_llm.run import Demonstration
from glasslog_issuer.stage.command import CONTEXT, json_option, keep_option, perform

QUESTIONS_DEFAULT: Final = 30
QUESTIONS_MIN: Final = 5  # with fewer, no guardrail is switched off for any of them
_WELL: Final = "Everything that happened is on the log, and what did not happen shows."


@click.command(context_settings=CONTEXT)
@click.option(
    "--questions",
    type=click.IntRange(QUESTIONS_MIN, QUESTIONS_MAX),
    default=QUESTIONS_DEFAULT,
    show_default=True,
    help="How many questions are asked.",
)
@keep_option
@json_option
def demo_llm(questions: int, keep: Path | None, *, as_json: bool) -> int:
    """Put a language model on a log through OpenTelemetry, and find the guardrail that was switched off.

    A real model answers a clinic's patients, on this machine, and a log of its own records it; nothing else is reached.
    Exits with 0 only when everything that happened is on the log and verifies, and what was left out is found.
    """
    return perform(
        lambda folder, narration: Demonstration(folder, questions, narration).run(),
        well=_WELL,
        keep=keep,
        as_json=as_json,
    )
