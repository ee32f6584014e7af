"""Rules for single values: text, numbers, bytes."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from glasslog.cbor import Value, float_size, head_size, text_size
from glasslog.limits import URI_BYTES_MAX
from glasslog.records.schema.memo import WORDS_MAX, Memo
from glasslog.records.schema.mismatch import SchemaMismatchError
from glasslog.records.schema.rule import Code, Rule

NAME_BYTES_MAX: Final = 256
TIME_MS_MAX: Final = 253_402_300_799_999  # the end of the year 9999
COUNT_MAX: Final = 2**63 - 1
INTEGER_MIN: Final = -(2**63)
FLOAT_MAX: Final = float.fromhex("0x1.fffffffffffffp+1023")  # what is beyond is infinite
TOKEN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,63}")

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # no line breaks, no bidi
_UNSIGNED_SIZE: Final = "1 if {0} < 24 else 9 if {0} > 0xFFFFFFFF else 2 if {0} < 256 else 3 if {0} < 65536 else 5"


class Word(Rule):
    """Text of which a function tells whether it is accepted."""

    def __init__(self, accepts: Callable[[str], object], expected: str) -> None:
        """Take the function and the words for what it accepts."""
        self._accepts = accepts
        self._expected = expected
        self._sizes = Memo(self, WORDS_MAX)

    def __call__(self, value: Value) -> int:
        """Check a text."""
        if type(value) is not str or not self._accepts(value):
            raise SchemaMismatchError(self._expected, value)
        return text_size(value)

    def write(self, code: Code, value: str) -> None:
        """Write a look-up: only text that was accepted is remembered, and nothing else equals a text."""
        code.line(f"size += {code.name_of(self._sizes, 'words')}[{value}]")


class Text(Word):
    """Text of 1 to `maximum` bytes without control characters."""

    def __init__(self, maximum: int) -> None:
        """Take the greatest length in bytes of UTF-8."""
        self.maximum = maximum
        super().__init__(self._is_plain, f"text of 1 to {maximum} bytes without control characters")

    def _is_plain(self, value: str) -> bool:
        return value != "" and len(value.encode()) <= self.maximum and not _CONTROL.search(value)


class OneOf(Rule):
    """One word of a closed list; `fixed` where it has one word alone."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        """Take the words in the order in which they are named."""
        self.choices = choices
        self._sizes = {word: text_size(word) for word in choices}
        self.fixed = text_size(choices[0]) if len(choices) == 1 else 0

    def __call__(self, value: Value) -> int:
        """Check a word."""
        if type(value) is not str or value not in self._sizes:
            raise SchemaMismatchError("one of " + ", ".join(self.choices), value)
        return self._sizes[value]

    def write(self, code: Code, value: str) -> None:
        """Write a comparison or a look-up."""
        if self.fixed:
            code.refuse_unless(f"{value} == {self.choices[0]!r}")
        else:
            code.line(f"size += {code.name_of(self._sizes, 'sizes')}[{value}]")


@cache
def text(maximum: int = NAME_BYTES_MAX) -> Text:
    """Accept text of 1 to `maximum` bytes without control characters: names, versions, titles."""
    return Text(maximum)


@cache
def one_of(*choices: str) -> OneOf:
    """Accept one of a closed list of words."""
    return OneOf(choices)


token: Final = Word(TOKEN.fullmatch, "an identifier of 1 to 64 letters, digits or any of _.:/-")
"""Accept an identifier of an open vocabulary: 1 to 64 characters of letters, digits and `_.:/-`."""

uri: Final = Word(
    lambda value: len(value) <= URI_BYTES_MAX and _URI.fullmatch(value), f"a URI of at most {URI_BYTES_MAX} bytes"
)
"""Accept an absolute URI of at most 512 visible ASCII characters."""


class Integer(Rule):
    """An integer from `minimum` to `maximum`."""

    def __init__(self, minimum: int, maximum: int) -> None:
        """Take the range, both ends included."""
        self.minimum = minimum
        self.maximum = maximum

    def __call__(self, value: Value) -> int:
        """Check an integer."""
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise SchemaMismatchError(f"an integer from {self.minimum} to {self.maximum}", value)
        return head_size(value if value >= 0 else -1 - value)

    def write(self, code: Code, value: str) -> None:
        """Write a comparison; below zero, the head carries the complement."""
        code.refuse_unless(f"type({value}) is int and {self.minimum} <= {value} <= {self.maximum}")
        if self.minimum < 0:
            code.line(f"if {value} < 0: {value} = ~{value}")
        code.line(f"size += {_UNSIGNED_SIZE.format(value)}")


@cache
def unsigned(maximum: int = COUNT_MAX, minimum: int = 0) -> Integer:
    """Accept an integer from `minimum` to `maximum`."""
    return Integer(minimum, maximum)


time_ms: Final = unsigned(TIME_MS_MAX)
"""Accept POSIX milliseconds."""


class Finite(Rule):
    """A float that is a number, from `minimum` on."""

    def __init__(self, minimum: float) -> None:
        """Take the least number that is accepted."""
        self.minimum = minimum

    def __call__(self, value: Value) -> int:
        """Check a float. Infinities are beyond the range, and NaN is not within any."""
        if type(value) is not float or not self.minimum <= value <= FLOAT_MAX:
            raise SchemaMismatchError(f"a finite number{'' if self.minimum else ' that is not negative'}", value)
        return float_size(value)

    def write(self, code: Code, value: str) -> None:
        """Write a comparison."""
        code.refuse_unless(f"type({value}) is float and {self.minimum!r} <= {value} <= {FLOAT_MAX!r}")
        code.line(f"size += {code.name_of(float_size, 'float_size')}({value})")


class Constant(Rule):
    """One integer below 24, which is its own head."""

    fixed = 1

    def __init__(self, value: int, meaning: str) -> None:
        """Take the integer and what it stands for."""
        self.value = value
        self._meaning = meaning

    def __call__(self, value: Value) -> int:
        """Check an integer."""
        if type(value) is not int or value != self.value:
            raise SchemaMismatchError(f"{self._meaning} {self.value}", value)
        return self.fixed

    def write(self, code: Code, value: str) -> None:
        """Write a comparison."""
        code.refuse_unless(f"type({value}) is int and {value} == {self.value}")


def exactly(value: int, meaning: str) -> Constant:
    """Accept one integer below 24 and nothing else."""
    return Constant(value, meaning)


class Boolean(Rule):
    """True or false."""

    fixed = 1

    def __call__(self, value: Value) -> int:
        """Check a boolean."""
        if type(value) is not bool:
            raise SchemaMismatchError("true or false", value)
        return self.fixed

    def write(self, code: Code, value: str) -> None:
        """Write a comparison of types."""
        code.refuse_unless(f"type({value}) is bool")


class Null(Rule):
    """Null."""

    fixed = 1

    def __call__(self, value: Value) -> int:
        """Check for null."""
        if value is not None:
            raise SchemaMismatchError("null", value)
        return self.fixed

    def write(self, code: Code, value: str) -> None:
        """Write a comparison."""
        code.refuse_unless(f"{value} is None")


boolean: Final = Boolean()
"""Accept true or false."""

null: Final = Null()
"""Accept null."""


class Octets(Rule):
    """A byte string of `minimum` to `maximum` bytes."""

    def __init__(self, minimum: int, maximum: int) -> None:
        """Take the range of lengths, both ends included."""
        self.minimum = minimum
        self.maximum = maximum
        self.fixed = head_size(minimum) + minimum if minimum == maximum else 0

    def __call__(self, value: Value) -> int:
        """Check a byte string."""
        if type(value) is not bytes or not self.minimum <= len(value) <= self.maximum:
            lengths = f"{self.minimum}" if self.fixed else f"{self.minimum} to {self.maximum}"
            raise SchemaMismatchError(f"{lengths} bytes", value)
        return head_size(len(value)) + len(value)

    def write(self, code: Code, value: str) -> None:
        """Write a comparison of lengths."""
        if self.fixed:
            code.refuse_unless(f"type({value}) is bytes and len({value}) == {self.minimum}")
        else:
            code.refuse_unless(f"type({value}) is bytes and {self.minimum} <= len({value}) <= {self.maximum}")
            code.line(f"size += len({value}) + (1 if len({value}) < 24 else 2 if len({value}) < 256 else 3)")


@cache
def octets(length: int) -> Octets:
    """Accept exactly `length` bytes."""
    return Octets(length, length)


@cache
def octets_between(minimum: int, maximum: int) -> Octets:
    """Accept `minimum` to `maximum` bytes, at most 65,535."""
    return Octets(minimum, maximum)


class Uuid7(Rule):
    """A UUIDv7 (RFC 9562 section 5.7) as 16 bytes: version 7 in the seventh, the variant 0b10 in the ninth."""

    fixed = 17

    def __call__(self, value: Value) -> int:
        """Check a UUID."""
        if type(value) is not bytes or len(value) != 16 or value[6] >> 4 != 7 or value[8] >> 6 != 2:  # noqa: PLR2004
            raise SchemaMismatchError("a UUIDv7 of 16 bytes", value)
        return self.fixed

    def write(self, code: Code, value: str) -> None:
        """Write a comparison of the length and of the two bytes: 0x7_ is below 0x80, which is below 0b10______."""
        code.refuse_unless(
            f"type({value}) is bytes and len({value}) == 16 and 0x70 <= {value}[6] < 0x80 <= {value}[8] < 0xC0"
        )


uuid7: Final = Uuid7()
"""Accept a UUIDv7 as 16 bytes: the id of a record."""


class Either(Rule):
    """A value of one of several kinds, each with its own rule."""

    def __init__(self, rules: Mapping[type, Rule], expected: str) -> None:
        """Take the rule of each type, and the words for all of them together."""
        self.rules = rules
        self._expected = expected

    def __call__(self, value: Value) -> int:
        """Check a value by the rule of its type."""
        rule = self.rules.get(type(value))
        if rule is None:
            raise SchemaMismatchError(self._expected, value)
        return rule(value)

    def write(self, code: Code, value: str) -> None:
        """Write a branch for each type."""
        kind = code.variable(f"type({value})")
        word = "if"
        for of, rule in self.rules.items():
            with code.block(f"{word} {kind} is {code.name_of(of, 'kind')}:"):
                if rule.fixed:
                    code.line(f"size += {rule.fixed}")
                rule.write(code, value)
            word = "elif"
        code.line("else: raise misfit")


def either(rules: Mapping[type, Rule], expected: str) -> Either:
    """Accept what the rule of the value's type accepts."""
    return Either(rules, expected)


number: Final = either({int: Integer(INTEGER_MIN, COUNT_MAX), float: Finite(-FLOAT_MAX)}, "a finite number")
"""Accept a finite number: an integer of at most 64 bits with its sign, or a float."""

measure: Final = either({int: unsigned(), float: Finite(0.0)}, "a finite number that is not negative")
"""Accept a finite number that is not negative: a duration, a share, a ratio."""
