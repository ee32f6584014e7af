"""Read parameters of queries and paths strictly: what is not of its form is refused, and so is what nobody asked for.

A misspelt parameter that is silently ignored would give a wrong page that looks right.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from glasslog.limits import TREE_SIZE_MAX
from glasslog.records.schema import Rule, SchemaMismatchError
from glasslog_server.errors import ParameterError
from glasslog_server.http.settings import PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


def only(request: web.Request, *names: str) -> None:
    """Refuse query parameters that are not among `names`, and any that is given twice."""
    given = [name for name, _ in request.query.items()]
    if len(set(given)) != len(given) or not set(given) <= set(names):
        expected = ", ".join(names) or "none"
        msg = f"expected each of these query parameters at most once: {expected}; got others, or one twice"
        raise ParameterError(msg)


def flag_of(request: web.Request, name: str) -> bool:
    """Return a query parameter that is 0 or 1; left out, it is 0."""
    value = request.query.get(name, "0")
    if value not in {"0", "1"}:
        msg = f"expected {name} to be 0 or 1"
        raise ParameterError(msg)
    return value == "1"


def checked(text: str, name: str, rule: Rule) -> str:
    """Return a text that a rule of the record schema accepts: what it refuses is in no entry."""
    try:
        rule(text)
    except SchemaMismatchError as error:
        msg = f"expected {name} to be {error.expected}"
        raise ParameterError(msg) from error
    return text


def decimal(text: str, name: str, maximum: int = TREE_SIZE_MAX) -> int:
    """Return the number that a text is, in decimal without leading zeros, 0 to `maximum`."""
    if not _DECIMAL.fullmatch(text) or int(text) > maximum:
        msg = f"expected {name} as a decimal number from 0 to {maximum} without leading zeros"
        raise ParameterError(msg)
    return int(text)


def limit_of(request: web.Request) -> int:
    """Return how many entries a page is to hold."""
    limit = decimal(request.query.get("limit", str(PAGE_ENTRIES_DEFAULT)), "limit", PAGE_ENTRIES_MAX)
    if limit == 0:
        msg = f"expected a limit from 1 to {PAGE_ENTRIES_MAX}"
        raise ParameterError(msg)
    return limit


def raw_path(request: web.Request) -> str:
    """Return the path as it was sent, with its percent-encodings and without the query."""
    return request.rel_url.raw_path


def decode_segment(raw: str, name: str) -> str:
    """Return a percent-encoded part of a path as text."""
    try:
        if _ESCAPES.fullmatch(raw):
            return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        pass
    msg = f"expected {name} in UTF-8, percent-encoded"
    raise ParameterError(msg)
