"""Files that map the controls of a framework to what must be in a log (schema glasslog-controls/1).

A control asks for records, by type or by `type:kind`, and for checks of the audit. The files are TOML, written by hand,
so they are read strictly: an unknown field, type, kind or check is an error that names its place. The built-in file is
`controls.toml`; users add files of their own.

    schema = "glasslog-controls/1"

    [[framework]]
    id = "our-policy"                    # lower case, digits, dashes; unique
    title = "Our AI policy"
    source = "Policy 12, version 3"      # where the controls stand

    [[framework.control]]
    id = "4.1"                           # unique in its framework
    title = "Decisions are logged"
    asks = "Every decision is recorded when it is made."
    records = ["inference"]              # at least one record of each
    any_of = [["oversight:override", "contest"]]   # of each group, at least one record of one of them
    checks = ["stream-gaps"]             # each has judged something and found nothing
    checks_if_any = ["attempts"]         # each has found nothing, if there was anything to judge
    cannot = "That the decisions were right."
"""

import importlib.resources
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

from glasslog.audit.checks import CHECKS
from glasslog.errors import MalformedError
from glasslog.records import RECORD_TYPES
from glasslog.report.kinds import KINDS

FRAMEWORKS_SCHEMA: Final = "glasslog-controls/1"
CONTROLS_FILE_BYTES_MAX: Final = 1_048_576
CONTROLS_MAX: Final = 1_000  # of one file
TEXT_CHARACTERS_MAX: Final = 2_000
LIST_MAX: Final = 64

_FRAMEWORK_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class ControlsError(MalformedError):
    """Report a file of controls that is not of the schema; the message names the place."""

    code: ClassVar[str] = "bad_controls"


@dataclass(frozen=True, slots=True)
class Control:
    """What must be in a log for one control. `records` and the groups of `any_of` are types or `type:kind`."""

    id: str
    title: str
    asks: str
    records: tuple[str, ...]
    any_of: tuple[tuple[str, ...], ...]
    checks: tuple[str, ...]
    checks_if_any: tuple[str, ...]
    cannot: str


@dataclass(frozen=True, slots=True)
class Framework:
    """The controls of a law, a standard or a policy. `note` is what a reader should know about the selection."""

    id: str
    title: str
    source: str
    note: str
    controls: tuple[Control, ...]


@lru_cache(maxsize=1)
def builtin_frameworks() -> tuple[Framework, ...]:
    """Return the frameworks that come with the package."""
    data = (importlib.resources.files("glasslog.report") / "controls.toml").read_bytes()
    return decode_frameworks(data)


def decode_frameworks(data: bytes) -> tuple[Framework, ...]:
    """Return the frameworks that a file holds. Raises ControlsError."""
    if len(data) > CONTROLS_FILE_BYTES_MAX:
        msg = f"expected controls in at most {CONTROLS_FILE_BYTES_MAX} bytes, got {len(data)}"
        raise ControlsError(msg)
    try:
        fields = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        msg = f"expected controls in TOML, got: {error}"
        raise ControlsError(msg) from error
    place = _Place(fields, "file", {"schema", "framework"})
    if fields.get("schema") != FRAMEWORKS_SCHEMA:
        place.fail("schema", f'"{FRAMEWORKS_SCHEMA}"')
    tables = place.tables("framework")
    frameworks = tuple(_framework(table, f"framework {number}") for number, table in enumerate(tables, 1))
    _check_unique([framework.id for framework in frameworks], "framework")
    if sum(len(framework.controls) for framework in frameworks) > CONTROLS_MAX:
        place.fail("framework", f"at most {CONTROLS_MAX} controls in all")
    return frameworks


def joined(parts: Sequence[tuple[Framework, ...]]) -> tuple[Framework, ...]:
    """Return the frameworks of several files, in order. Raises ControlsError where two have one id."""
    frameworks = tuple(framework for part in parts for framework in part)
    _check_unique([framework.id for framework in frameworks], "framework")
    return frameworks


def _framework(fields: Mapping[str, Any], name: str) -> Framework:
    place = _Place(fields, name, {"id", "title", "source", "note", "control"})
    if not _FRAMEWORK_ID.fullmatch(place.text("id")):
        place.fail("id", "lower case letters, digits and single dashes")
    place.name = f"framework {fields['id']}"
    tables = place.tables("control")
    controls = tuple(_control(table, f"{place.name}, control {number}") for number, table in enumerate(tables, 1))
    _check_unique([control.id for control in controls], f"{place.name}, control")
    return Framework(
        fields["id"], place.text("title"), place.text("source"), place.text("note", optional=True), controls
    )


_CONTROL_FIELDS: Final = {"id", "title", "asks", "records", "any_of", "checks", "checks_if_any", "cannot"}


def _control(fields: Mapping[str, Any], name: str) -> Control:
    place = _Place(fields, name, _CONTROL_FIELDS)
    place.name = f"{name.partition(', ')[0]}, control {place.text('id')}"
    groups = place.array("any_of", fields.get("any_of", []))
    control = Control(
        id=place.text("id"),
        title=place.text("title"),
        asks=place.text("asks"),
        records=place.records("records", fields.get("records", [])),
        any_of=tuple(place.records("any_of", group, least=1) for group in groups),
        checks=place.checks("checks"),
        checks_if_any=place.checks("checks_if_any"),
        cannot=place.text("cannot"),
    )
    if not control.records and not control.any_of:
        place.fail("records", "at least one record to look for, in records or any_of")
    if set(control.checks) & set(control.checks_if_any):
        place.fail("checks_if_any", "other checks than those of checks")
    return control


class _Place:
    """A table of the file, which names itself in errors."""

    def __init__(self, fields: object, name: str, known: set[str]) -> None:
        self.name = name
        if not isinstance(fields, dict):
            msg = f"{name}: expected a table"
            raise ControlsError(msg)
        self._fields: dict[str, Any] = fields
        unknown = sorted(fields.keys() - known)
        if unknown:
            self.fail(unknown[0], f"no such field, but {', '.join(sorted(known))}")

    def fail(self, field: str, expected: str) -> None:
        msg = f"{self.name}, {field}: expected {expected}, got {_shown(self._fields.get(field))}"
        raise ControlsError(msg)

    def text(self, field: str, *, optional: bool = False) -> str:
        value = self._fields.get(field, "" if optional else None)
        if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX or not (optional or value.strip()):
            self.fail(field, f"text of 1 to {TEXT_CHARACTERS_MAX} characters")
        return str(value)

    def tables(self, field: str) -> list[dict[str, Any]]:
        value = self._fields.get(field)
        if not isinstance(value, list) or not value:
            self.fail(field, f"one or more tables [[{field}]]")
        return list(value or ())

    def array(self, field: str, value: object, *, least: int = 0) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= LIST_MAX:
            self.fail(field, f"an array of {least} to {LIST_MAX}")
        return list(value) if isinstance(value, list) else []

    def records(self, field: str, value: object, *, least: int = 0) -> tuple[str, ...]:
        return tuple(self._record(field, name) for name in self._unique(field, self.array(field, value, least=least)))

    def checks(self, field: str) -> tuple[str, ...]:
        names = self._unique(field, self.array(field, self._fields.get(field, [])))
        unknown = [name for name in names if name not in CHECKS]
        if unknown:
            self.fail(field, f"checks among {', '.join(CHECKS)}")
        return tuple(names)

    def _unique(self, field: str, names: list[Any]) -> list[str]:
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            self.fail(field, "names, each of them once")
        return names

    def _record(self, field: str, name: str) -> str:
        record_type, colon, kind = name.partition(":")
        if record_type not in RECORD_TYPES:
            self.fail(field, f"types of records, among {', '.join(sorted(RECORD_TYPES))}")
        if colon and record_type not in KINDS:
            self.fail(field, f"a kind of {', '.join(KINDS)} alone")
        if colon and kind not in KINDS[record_type][2]:
            self.fail(field, f"a kind of {record_type} among {', '.join(KINDS[record_type][2])}")
        return name


def _check_unique(names: list[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"expected every {what} to have an id of its own, got {repeated[0]} twice"
        raise ControlsError(msg)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value!r:.120}"
