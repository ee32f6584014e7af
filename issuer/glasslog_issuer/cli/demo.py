"""`glasslog-issuer demo`: the main job on real input. The program is in `glasslog_issuer.demo`, loaded when it is run.

It needs what the base install has not: a model is trained and a log is served.
"""

import importlib

import click

from glasslog_issuer.errors import IssuerError

_MODULE = "glasslog_issuer.demo.command"
_OURS = ("glasslog", "glasslog_issuer", "glasslog_server")


class DemoUnavailableError(IssuerError):
    """Report that a package is missing which the demo needs, and which extras bring it."""

    code = "demo_unavailable"


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def demo(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Show the whole way on real input."""
    command = _load()
    ctx.exit(command.main(list(arguments), prog_name=ctx.command_path, standalone_mode=False) or 0)


def _load() -> click.Command:
    try:
        module = importlib.import_module(_MODULE)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing.partition(".")[0] in _OURS:
            raise
        msg = f"the demo needs the package {missing}: install glasslog[demo,server]"
        raise DemoUnavailableError(msg) from error
    command: click.Command = module.demo
    return command
