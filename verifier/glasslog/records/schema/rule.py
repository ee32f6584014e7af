"""What a rule is, and what it is written into when it is compiled."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from glasslog.cbor import Value


class Rule(ABC):
    """A description of what one value may be.

    `fixed` is the part of the size that all values have in common which the rule accepts.
    """

    fixed: int = 0

    @abstractmethod
    def __call__(self, value: Value) -> int:
        """Return the size of the deterministic encoding of a value. Raises SchemaMismatchError."""

    @abstractmethod
    def write(self, code: "Code", value: str) -> None:
        """Write statements that say the same of the variable named `value`.

        They add to `size` what is not `fixed`, and raise anything of `straight.MISFITS` for what the rule refuses.
        The variable is theirs to change.
        """


class Code:
    """The body of a function while it is being written: lines, and the objects that they name."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lines: list[str] = []
        self.objects: dict[str, object] = {}
        self._depth = 1
        self._variables = 0

    def line(self, statement: str) -> None:
        """Write one line."""
        self.lines.append("    " * self._depth + statement)

    def refuse_unless(self, condition: str) -> None:
        """Write that the value is refused when an expression is false."""
        self.line(f"if not ({condition}): raise misfit")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a compound statement: its head here, its body within."""
        self.line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def variable(self, expression: str) -> str:
        """Write an assignment to a variable that nothing else uses, and return its name."""
        name = self.unused()
        self.line(f"{name} = {expression}")
        return name

    def unused(self) -> str:
        """Return the name of a variable that nothing else uses."""
        self._variables += 1
        return f"v{self._variables}"

    def name_of(self, thing: object, word: str) -> str:
        """Return the name under which the lines know an object that exists already."""
        for name, known in self.objects.items():
            if known is thing:
                return name
        name = f"{word}_{len(self.objects)}"
        self.objects[name] = thing
        return name
