"""`glasslog-issuer demo` and `demo-llm`. The programs are in packages of their own, loaded when they are run.

They need what the base install has not: a model is trained, or a language model called, and a log is served.
"""

import importlib
from typing import Final

import click

from glasslog_issuer.errors import MissingPackageError

_OURS: Final = frozenset({"glasslog", "glasslog_issuer"})


def _program(name: str, *, says: str, install: str) -> click.Command:
    """Return a command that passes its arguments on to a demo's own, or says how to `install` what that needs."""
    module = f"glasslog_issuer.{name}.command"

    @click.command(
        name.replace("_", "-"),
        help=says,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
        add_help_option=False,
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @click.pass_context
    def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
        loaded = _load(module, name, install)
        ctx.exit(loaded.main(list(arguments), prog_name=ctx.command_path, standalone_mode=False) or 0)

    return command


def _load(module: str, name: str, install: str) -> click.Command:
    try:
        loaded: click.Command = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in _OURS:
            raise
        msg = f"the demo needs the package {missing}: {install}"
        raise MissingPackageError(msg) from error
    return loaded


demo: Final = _program("demo", says="Show the whole way on real input.", install="install glasslog[demo,server]")
demo_llm: Final = _program(
    "demo_llm",
    says="Put a language model on a log, through OpenTelemetry.",
    install="run `make demo-llm`, which installs all that it needs",
)
