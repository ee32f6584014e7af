"""`glasslog-issuer demo`: the main job on real input. The program is in `glasslog_issuer.demo`, loaded when it is run.

It needs what the base install has not: a model is trained and a log is served.
"""

import importlib
from typing import Final

import click

from glasslog_issuer.errors import MissingPackageError

_MODULE: Final = "glasslog_issuer.demo.command"
_OURS: Final = frozenset({"glasslog", "glasslog_issuer"})
_EXTRAS: Final = "glasslog[demo,server]"


@click.command(
    "demo",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Show the whole way on real input."""
    ctx.exit(_load().main(list(arguments), prog_name=ctx.command_path, standalone_mode=False) or 0)


def _load() -> click.Command:
    try:
        module = importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in _OURS:
            raise
        msg = f"the demo needs the package {missing}: install {_EXTRAS}"
        raise MissingPackageError(msg) from error
    loaded: click.Command = module.demo
    return loaded
