"""The help of every command of the three programs says what somebody needs who has never seen it."""

from collections.abc import Iterator

import click
import pytest

from glasslog.cli.program import commands as verifier
from glasslog_issuer.cli.program import program as issuer
from glasslog_server.cli.program import program as server

# What these print is for people alone, or is what they are for: a server's lines, a page.
WITHOUT_JSON = {"glasslog-server serve", "glasslog report", "glasslog reconstruct"}
DEMOS = {"glasslog-issuer demo", "glasslog-issuer demo-llm"}  # programs of their own


def walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield ctx.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            sub = command.get_command(ctx, name)
            assert sub is not None
            yield from walk(sub, click.Context(sub, info_name=name, parent=ctx))


ALL = {
    path: command
    for name, program in (("glasslog", verifier), ("glasslog-server", server), ("glasslog-issuer", issuer))
    for path, command in walk(program, click.Context(program, info_name=name))
    if path not in DEMOS
}
LEAVES = sorted(path for path, command in ALL.items() if not isinstance(command, click.Group))


def options(path: str) -> dict[str, click.Option]:
    return {option.opts[-1]: option for option in ALL[path].params if isinstance(option, click.Option)}


@pytest.mark.parametrize("path", sorted(ALL))
def test_every_option_says_what_it_is_and_what_goes_into_it(path: str) -> None:
    for name, option in options(path).items():
        assert option.help, name
        assert option.is_flag or option.metavar or not isinstance(option.type, click.types.StringParamType), name


@pytest.mark.parametrize("path", LEAVES)
def test_every_option_that_may_be_repeated_says_so(path: str) -> None:
    for name, option in options(path).items():
        assert not option.multiple or name == "--checks" or "Repeatable" in (option.help or ""), name


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_with_a_result_has_json(path: str) -> None:
    option = options(path).get("--json")
    assert (option is not None and option.is_flag) is (path not in WITHOUT_JSON)


def test_the_same_thing_has_the_same_option() -> None:
    every = {name for path in LEAVES for name in options(path)}
    assert every.isdisjoint({"--entry", "--master-key-file", "--log-url", "--vkey", "--out", "--token"})
    for path in LEAVES:
        for name, metavar in (("--log", "URL"), ("--log-key", "VKEY|@FILE"), ("--issuer", "URI"), ("--system", "URN")):
            option = options(path).get(name)
            if option is not None and path != "glasslog-server init":  # whose keys are files with secrets
                assert (option.metavar, path) == (metavar, path)


@pytest.mark.parametrize("path", [path for path in LEAVES if path.startswith("glasslog ")])
def test_every_command_of_a_verifier_has_its_exit_codes_and_an_example(path: str) -> None:
    said = ALL[path].get_help(click.Context(ALL[path], info_name=path))
    assert "Exit codes" in said
    assert f"For example:\n    {path} " in said
