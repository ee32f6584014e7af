"""Say in one line each what is wrong with a configuration: the key, what was expected, what was found."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

VALUE_CHARACTERS_MAX: Final = 60
UNION_TAGS: Final = frozenset({"key-file", "key-command"})
"""Steps in the path of an error that are no keys of the file."""

_EXPECTED: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "int_type": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "bool_type": lambda _: "true or false",
    "string_type": lambda _: "text",
    "list_type": lambda _: "a list",
    "model_type": lambda _: "a table",
    "literal_error": lambda ctx: str(ctx["expected"]),
    "string_pattern_mismatch": lambda ctx: f"text like {ctx['pattern'].strip('^$')}",
    "too_short": lambda ctx: f"at least {ctx['min_length']} element(s)",
    "too_long": lambda ctx: f"at most {ctx['max_length']} elements",
    "greater_than": lambda ctx: f"more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"at least {ctx['ge']}",
    "less_than_equal": lambda ctx: f"at most {ctx['le']}",
}


def describe_mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each mistake that was found in a file of `model`."""
    return [_describe(details, model) for details in error.errors(include_url=False)]


def _describe(details: ErrorDetails, model: type[BaseModel]) -> str:
    path = [step for step in details["loc"] if step not in UNION_TAGS]
    key = ".".join(map(str, path))
    where = f"{key}: " if key else ""
    kind = details["type"]
    if kind == "missing":
        return f'missing key "{key}"'
    if kind == "extra_forbidden":
        return f'unknown key "{key}"{_suggestion(path, model)}'
    if (
        kind == "value_error"
    ):  # raised by this package: it says itself what was expected, and of relations what was found
        said = details["msg"].removeprefix("Value error, ")
        return f"{where}{said}" if ", got " in said else f"{where}{said}, got {_found(details)}"
    expected = _EXPECTED.get(kind)
    said = f"expected {expected(details.get('ctx', {}))}" if expected else details["msg"]
    return f"{where}{said}, got {_found(details)}"


def _found(details: ErrorDetails) -> str:
    text = repr(details["input"])
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}..."


def _suggestion(path: Sequence[str | int], model: type[BaseModel]) -> str:
    """Return the declared key that an unknown one comes closest to, as the end of a sentence."""
    *tables, name = map(str, path)
    declared = _declared_keys(tables, model)
    close = difflib.get_close_matches(name, declared, n=1)
    if close:
        return f', did you mean "{".".join([*tables, close[0]])}"?'
    return f": expected one of {', '.join(declared)}" if declared else ""


def _declared_keys(tables: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Return the keys of the table that `tables` leads to; places in a list lead nowhere further."""
    current: type[BaseModel] | None = model
    for table in tables:
        if not table.isdecimal():
            field = current.model_fields.get(table) if current else None
            current = _model_in(field.annotation) if field else None
    return list(current.model_fields) if current else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the table that a type is, or holds in a list or as an alternative."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
