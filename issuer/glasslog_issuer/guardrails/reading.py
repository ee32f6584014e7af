"""Read a product's result strictly: every value has the type that its documentation says, or there is no execution.

Messages name the place and the type that was met. They never show a value: it may be what somebody wrote.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from glasslog_issuer.guardrails.errors import GuardrailResultError

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.:/-]+")
_TOKEN_CHARACTERS_MAX: Final = 64
_COUNT_MAX: Final = 2**63 - 1
_NAMELESS: Final = "other"  # a name without a letter or digit that an identifier can hold


def mapping(value: object, where: str) -> Mapping[str, object]:
    """Return a map with names for keys. Raises GuardrailResultError."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _unfit(where, "a map", value)
    return value


def items(value: object, where: str) -> Sequence[object]:
    """Return a list. Raises GuardrailResultError."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        raise _unfit(where, "a list", value)
    return value


def maps(value: object, where: str) -> list[Mapping[str, object]]:
    """Return a list of maps. Raises GuardrailResultError."""
    return [mapping(item, f"{where}[{index}]") for index, item in enumerate(items(value, where))]


def text(value: object, where: str) -> str:
    """Return a text. Raises GuardrailResultError."""
    if not isinstance(value, str):
        raise _unfit(where, "a text", value)
    return str.__str__(value)


def word(value: object, where: str, words: Collection[str]) -> str:
    """Return a text that is one of `words`. Raises GuardrailResultError."""
    found = text(value, where)
    if found not in words:
        msg = f"{where}: expected one of {', '.join(sorted(words))}, got another text of {len(found)} characters"
        raise GuardrailResultError(msg)
    return found


def flag(value: object, where: str) -> bool:
    """Return a boolean. Raises GuardrailResultError."""
    if not isinstance(value, bool):
        raise _unfit(where, "a boolean", value)
    return value


def count(value: object, where: str) -> int:
    """Return a whole number from 0. Raises GuardrailResultError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _COUNT_MAX:
        raise _unfit(where, "a count", value)
    return int(value)


def number(value: object, where: str) -> float:
    """Return a finite number. Raises GuardrailResultError."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _unfit(where, "a number", value)
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        msg = f"{where}: expected a finite number"
        raise GuardrailResultError(msg)
    return found


def category(name: str) -> str:
    """Return a name as an identifier of 1 to 64 characters, in small letters; what does not fit becomes "-"."""
    return _UNFIT.sub("-", name.lower()).strip("-.:/")[:_TOKEN_CHARACTERS_MAX] or _NAMELESS


def _unfit(where: str, expected: str, value: object) -> GuardrailResultError:
    return GuardrailResultError(f"{where}: expected {expected}, got {_kind(value)}")


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__[:_TOKEN_CHARACTERS_MAX]
