"""`glasslog-issuer demo-llm`: a language model on the log. The program is in `glasslog_issuer.demo_llm`.

It is loaded when it is run: it needs a language model, and what serves, calls and traces one.
"""

import importlib
from typing import Final

import click

from glasslog_issuer.errors import MissingPackageError

_MODULE: Final = "glasslog_issuer.demo_llm.command"
_OURS: Final = frozenset({"glasslog", "glasslog_issuer"})


@click.command(
    "demo-llm",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Put a language model on a log, through OpenTelemetry."""
    ctx.exit(_load().main(list(arguments), prog_name=ctx.command_path, standalone_mode=False) or 0)


def _load() -> click.Command:
    try:
        module = importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in _OURS:
            raise
        msg = f"the demo needs the package {missing}: run `make demo-llm`, which installs all that it needs"
        raise MissingPackageError(msg) from error
    loaded: click.Command = module.demo_llm
    return loaded
