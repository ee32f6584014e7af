"""The rules of style that no linter knows, and what must hold of the files around the code."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ["verifier/glasslog", "server/glasslog_server", "issuer/glasslog_issuer"]
FOLDERS = [".ci", "benchmarks", "docs", "issuer", "requirements", "server", "tests", "verifier"]

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
LONG_FUNCTIONS: dict[str, str] = {}  # "path:name" -> why it is better in one piece

SHAPELESS_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}


def _files() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _texts() -> dict[str, str]:
    texts = {}
    for path in _files():
        data = path.read_bytes()
        if b"\0" not in data:
            texts[_name(path)] = data.decode()
    return texts


TEXTS = dict(sorted(_texts().items()))
MODULES = {name: ast.parse(text) for name, text in TEXTS.items() if name.endswith(".py")}
LOCKS = [f"requirements/{name}.lock" for name in ("all", "base", "build", "demo-llm", "server")]
PYPROJECT = tomllib.loads(TEXTS["pyproject.toml"])


def _functions() -> dict[str, int]:
    """Return the number of lines of every function, signature and docstring included."""
    return {
        f"{name}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _matches(pattern: str, texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(pattern, line)
    ]


def test_no_module_is_too_long() -> None:
    lengths = {name: TEXTS[name].count("\n") for name in MODULES}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    long = {name for name, length in _functions().items() if length > FUNCTION_LINES_MAX}
    assert long == set(LONG_FUNCTIONS)


def test_every_file_is_named_for_what_it_holds() -> None:
    shapeless = [
        name
        for name in TEXTS
        if any(word in SHAPELESS_NAMES for part in Path(name).with_suffix("").parts for word in part.split("_"))
    ]
    assert shapeless == []


def test_every_module_says_what_it_is() -> None:
    in_packages = {name: module for name, module in MODULES.items() if name.startswith(tuple(PACKAGES))}
    assert len(in_packages) >= len(PACKAGES)
    assert [name for name, module in in_packages.items() if not ast.get_docstring(module)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_ships_its_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_nothing_is_left_to_do() -> None:
    code = {name: text for name, text in TEXTS.items() if name.endswith((".py", ".toml", "Makefile", "Dockerfile"))}
    assert _matches(r"\b(TO[D]O|FIX[M]E|XX[X])\b", code) == []


def test_no_error_is_swallowed() -> None:
    def is_silent(handler: ast.ExceptHandler) -> bool:
        if handler.type is None:
            return True
        broad = isinstance(handler.type, ast.Name) and handler.type.id in {"BaseException", "Exception"}
        return broad and all(isinstance(statement, ast.Pass | ast.Continue) for statement in handler.body)

    silent = [
        f"{name}:{node.lineno}"
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and is_silent(node)
    ]
    assert silent == []


def test_no_file_names_a_package_index_or_a_machine() -> None:
    index = r"pypi\.org|pythonhosted\.org|index[-_]url|find[-_]links|/simpl[e]/"
    machine = r"(?<!\w)/(?:work|root|home)/"
    assert _matches(f"{index}|{machine}", TEXTS) == []


def _imports(folder: str) -> set[str]:
    """Return what the modules in a folder import, by top-level name."""
    nodes = [node for name, module in MODULES.items() if name.startswith(folder) for node in ast.walk(module)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


def test_the_verifier_is_tested_without_server_and_issuer() -> None:
    assert _imports("tests/verifier/") & {"glasslog_issuer", "glasslog_server"} == set()


EXTRAS = PYPROJECT["project"]["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]


@pytest.mark.parametrize(
    "folder, additions",
    [
        ("verifier/", []),
        ("server/", [EXTRAS["server"]]),
        ("issuer/", [EXTRAS["issuer"], EXTRAS["demo"], EXTRAS["demo-llm"], EXTRAS["otel"]]),
        ("tests/", [*EXTRAS.values(), *GROUPS.values()]),
        ("benchmarks/", [*EXTRAS.values(), *GROUPS.values()]),
    ],
)
def test_what_is_imported_is_declared(folder: str, additions: list[list[str]]) -> None:
    ours = {"benchmarks", "glasslog", "glasslog_issuer", "glasslog_server", "tests"}
    lines = [*PYPROJECT["project"]["dependencies"], *(line for lines in additions for line in lines)]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    providers = packages_distributions()
    undeclared = [
        name
        for name in _imports(folder) - ours - sys.stdlib_module_names
        if not declared & {canonicalize_name(provider) for provider in providers.get(name, [name])}
    ]
    assert undeclared == []


# ---------------------------------------------------------------------------------------------------------------- locks


def _locked(name: str) -> dict[str, set[str]]:
    """Return the versions that a lock names for each package: more than one where they depend on the Python version."""
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", TEXTS[name]):
        versions.setdefault(package, set()).add(version)
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_nothing_else(name: str) -> None:
    requirement = r"[a-z0-9-]+==[\w.]+(?: ; [^\n\\]+)? \\\n"
    hashes = r"(?:    --hash=sha256:[0-9a-f]{64} \\\n)*    --hash=sha256:[0-9a-f]{64}\n"
    comment = r"(?: *#[^\n]*\n)"
    assert "://" not in TEXTS[name]
    assert re.fullmatch(f"{comment}*(?:{requirement}{hashes}{comment}*)+", TEXTS[name])


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_agree(name: str) -> None:
    everything = {**_locked("requirements/demo-llm.lock"), **_locked("requirements/all.lock")}
    assert {package: versions for package, versions in _locked(name).items() if everything[package] != versions} == {}


def test_the_lock_is_as_new_as_the_dependencies() -> None:
    project = PYPROJECT["project"]
    wanted = [
        Requirement(line)
        for lines in (
            PYPROJECT["build-system"]["requires"],
            project["dependencies"],
            *EXTRAS.values(),
            *GROUPS.values(),
        )
        for line in lines
    ]
    locked = {**_locked("requirements/demo-llm.lock"), **_locked("requirements/all.lock")}
    unmet = [
        str(requirement)
        for requirement in wanted
        if requirement.name not in locked or not all(map(requirement.specifier.contains, locked[requirement.name]))
    ]
    assert unmet == [], "pyproject.toml asks for what the lock does not hold: run `make lock`"


# ------------------------------------------------------------------------------------------------------ files beside it


def test_the_changelog_has_a_section_to_write_in() -> None:
    assert re.search(r"(?m)^## \[(Unreleased|\d+\.\d+\.\d+)\]", TEXTS["CHANGELOG.md"])


def test_every_target_of_the_makefile_says_what_it_does() -> None:
    phony = set(re.findall(r"(?m)^\.PHONY: (\S+)$", TEXTS["Makefile"])) - {"check-python"}
    described = set(re.findall(r"(?m)^([a-z-]+):.*## \S", TEXTS["Makefile"]))
    assert phony == described


def test_the_image_installs_by_hash_alone() -> None:
    installs = re.findall(r"(?:pip|-m pip) install((?:[^\n\\&]|\\\n)*)", TEXTS["Dockerfile"])
    assert len(installs) > 1
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps --no-index" not in line] == []


def test_the_image_does_not_run_as_root() -> None:
    last_stage = TEXTS["Dockerfile"].rpartition("\nFROM ")[2]
    users = re.findall(r"(?m)^USER (\S+)$", last_stage)
    assert users
    assert all(re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user) for user in users)


def test_the_image_says_how_it_is() -> None:
    last_stage = TEXTS["Dockerfile"].rpartition("\nFROM ")[2]
    assert {"ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "VOLUME"} <= set(re.findall(r"(?m)^([A-Z]+) ", last_stage))
