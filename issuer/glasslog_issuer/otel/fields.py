"""Read attributes for what they should be, and remember what was used and what was odd.

What instrumentations write is no input that can be refused: a span with an odd attribute is still the only trace of a
call. So a value of the wrong type or form is left out of its field, its name is noted, and the value is kept with all
that has no field of its own (`rest`), which is committed to.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from glasslog.records.schema import Rule, SchemaMismatchError, text, token
from glasslog_issuer.otel.conventions import NEVER_KEPT, PREFIXES

_COUNT_MAX: Final = 2**63 - 1
_JSON_START: Final = re.compile(r"\s*[\[{]")
_name: Final = text()


def is_token(value: object) -> bool:
    """Whether a value is an identifier that a record may hold."""
    return isinstance(value, str) and _fits(token, value)


def is_name(value: object) -> bool:
    """Whether a value is a name that a record may hold: 1 to 256 bytes, without control characters."""
    return isinstance(value, str) and _fits(_name, value)


class Fields:
    """The attributes of one span or event. Each reader takes names in order of preference; None is for nothing fit."""

    def __init__(self, attributes: Mapping[str, object]) -> None:
        """Take the attributes."""
        self._attributes = attributes
        self._used: set[str] = set()
        self.odd: list[str] = []

    def __contains__(self, key: str) -> bool:
        """Whether there is an attribute of that name."""
        return key in self._attributes

    def of_generative_ai(self) -> bool:
        """Whether any attribute is of the conventions for generative AI."""
        return any(key.startswith(("gen_ai.", "llm.")) for key in self._attributes)

    def name(self, *keys: str) -> str | None:
        """Return a name of at most 256 bytes."""
        value = self._first(keys, is_name)
        return str(value) if value is not None else None

    def token(self, *keys: str) -> str | None:
        """Return an identifier."""
        value = self._first(keys, is_token)
        return str(value) if value is not None else None

    def count(self, *keys: str) -> int | None:
        """Return a whole number from 0."""
        value = self._first(keys, _is_count)
        return value if isinstance(value, int) else None

    def number(self, *keys: str) -> float | None:
        """Return a finite number."""
        value = self._first(keys, is_number)
        return float(value) if isinstance(value, int | float) else None

    def words(self, *keys: str) -> tuple[str, ...]:
        """Return a list of texts; one text is a list of one."""
        value = self._first(keys, _are_words)
        return () if value is None else (value,) if isinstance(value, str) else tuple(map(str, _listed(value)))

    def content(self, *keys: str) -> object:
        """Return content in structured form: a text that is JSON of a list or a map is read."""
        value = self._first(keys, lambda found: found is not None)
        return structured(value)

    def flattened(self, prefix: str) -> list[dict[str, object]]:
        """Return the maps of a flattened list, in order: `prefix.0.role`, `prefix.0.content`, `prefix.1.role` ..."""
        pattern = re.compile(re.escape(prefix) + r"\.([0-9]{1,6})\.(.+)", re.DOTALL)
        found: dict[int, dict[str, object]] = {}
        for key, value in self._attributes.items():
            if match := pattern.fullmatch(key):
                found.setdefault(int(match[1]), {})[match[2]] = value
                self._used.add(key)
        return [found[index] for index in sorted(found)]

    def scalars(self, prefix: str, names: Mapping[str, str], words: frozenset[str]) -> dict[str, str | float | bool]:
        """Return numbers and booleans below a prefix, and at `names`, by their short names; texts only of `words`."""
        found: dict[str, str | float | bool] = {}
        for key, value in self._attributes.items():
            short = names.get(key, key.removeprefix(prefix))
            if key in self._used or (key not in names and short == key):
                continue
            if isinstance(value, bool | int | float | str) and self._is_scalar(short, value, words):
                found[short] = value
                self._used.add(key)
        return found

    def rest(self) -> dict[str, object]:
        """Return what no field took: attributes of generative AI, its errors and its server."""
        return {
            key: value
            for key, value in self._attributes.items()
            if key.startswith(PREFIXES) and key not in self._used and key not in NEVER_KEPT
        }

    def _is_scalar(self, short: str, value: bool | float | str, words: frozenset[str]) -> bool:  # noqa: FBT001
        if isinstance(value, str):
            return short in words and is_token(value)
        return is_token(short) and (isinstance(value, bool) or is_number(value))

    def _first(self, keys: tuple[str, ...], fits: Callable[[object], bool]) -> object:
        """Return the first value that fits; what stands before it is odd. All keys with the same value are used."""
        for key in keys:
            value = self._attributes.get(key)
            if value is None:
                continue
            if fits(value):
                self._used.update(other for other in keys if self._attributes.get(other) == value)
                return value
            self.odd.append(key)
        return None


def structured(value: object) -> object:
    """Return the value of a text that is JSON of a list or map, and any other value as it is."""
    if isinstance(value, str) and _JSON_START.match(value):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def is_number(value: object) -> bool:
    """Whether a value is a number that a record may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else -_COUNT_MAX <= value <= _COUNT_MAX


def _fits(rule: Rule, value: str) -> bool:
    try:
        rule(str.__str__(value))
    except (SchemaMismatchError, UnicodeEncodeError):
        return False
    return True


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX


def _are_words(value: object) -> bool:
    return isinstance(value, str) or (bool(_listed(value)) and all(isinstance(item, str) for item in _listed(value)))


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
