"""What a rule raises: what was expected, what came, and where. Never the value, which may be content."""

from typing import Final

from glasslog.cbor import Value

_KINDS: Final = {
    str: "text",
    bytes: "bytes",
    dict: "a map",
    list: "an array",
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
}


class SchemaMismatchError(Exception):
    """Carry what a rule expected, and the path to the value as the containers unwind."""

    def __init__(self, expected: str, got: Value, *path: str) -> None:
        """Keep what was expected and what kind of value came; `path` leads from the value that was checked inwards."""
        super().__init__(expected)
        self.expected = expected
        self.got = describe(got)
        self.path: list[str] = list(reversed(path))

    def __str__(self) -> str:
        """Return `field.path: expected X, got Y`, where there is a path."""
        where = f"{'.'.join(reversed(self.path))}: " if self.path else ""
        return f"{where}expected {self.expected}, got {self.got}"


def describe(value: Value) -> str:
    """Return the kind and size of a value, never its content."""
    kind = _KINDS.get(type(value), "another kind of value")
    if isinstance(value, str | bytes):
        return f"{kind} of length {len(value)}"
    if isinstance(value, dict | list):
        return f"{kind} of {len(value)} elements"
    return kind
