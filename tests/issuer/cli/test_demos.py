import sys
import types

import click
import pytest

from tests.issuer.cli.running import Run

MODULE = "glasslog_issuer.demo.command"


def test_the_demo_is_loaded_when_it_is_run_and_gets_its_own_arguments(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    @click.option("--count", type=int)
    def demo(count: int) -> int:
        click.echo(f"{count} decisions")
        return 1

    module = types.ModuleType(MODULE)
    module.demo = demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    assert run("--help").code == 0
    result = run("demo", "--count", "3")
    assert (result.code, result.out) == (1, "3 decisions\n")
    assert "--count INTEGER" in run("demo", "--help").out
    wrong = run("demo", "--size", "3")
    assert wrong.code == 2
    assert "Usage: glasslog-issuer demo" in wrong.err


def test_without_its_packages_the_demo_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "sklearn" or name.startswith("glasslog_issuer.demo")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    result = run("demo")
    assert result.code == 3
    assert result.err == "Error: the demo needs the package sklearn: install glasslog[demo,server]\n"


def test_a_module_of_ours_that_is_missing_is_our_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    result = run("demo")
    assert result.code == 3
    assert "Traceback" in result.err
