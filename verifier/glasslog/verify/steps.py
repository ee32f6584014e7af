"""Take the steps of a verification in order, and keep the account of them.

The values that flow between steps are `Part`s. A part is made when a step first asks for it, and a failure to make it
is that step's failure; every later step that asks for the same part is not reached. So a plan of steps is written down
as a list of calls that reads from top to bottom, and no failure hides what other steps would find.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from glasslog.errors import GlasslogError, UncheckableError
from glasslog.verify.report import Check, Status, Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passed(Generic[T]):
    """A check that passed: what it established, and in words what was found."""

    value: T
    found: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that nobody asked for, or that has nothing to look at."""

    reason: str


class _NotReachedError(Exception):
    """Leave a step that needs a part which an earlier step failed to establish."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Part(Generic[T]):
    """A value that steps need and that may turn out not to be had."""

    def __init__(self, steps: "Steps", make: Callable[[], T]) -> None:
        """Take how the value is made; `Steps.part` is the way to call this."""
        self._steps = steps
        self._make = make
        self._made: tuple[T] | None = None
        self._blamed: int | None = None

    @classmethod
    def of(cls, steps: "Steps", value: T) -> "Part[T]":
        """Return a part that is there already."""
        part = cls(steps, lambda: value)
        part._made = (value,)
        return part

    @classmethod
    def failed(cls, steps: "Steps", number: int) -> "Part[T]":
        """Return a part that step `number` should have established and did not."""

        def make() -> T:
            raise _NotReachedError(number)

        return cls(steps, make)

    def get(self) -> T:
        """Return the value; may be called within a step alone. Raises what leaves that step."""
        if self._blamed is not None:
            raise _NotReachedError(self._blamed)
        if self._made is None:
            try:
                self._made = (self._make(),)
            except GlasslogError:
                self._blamed = self._steps.number
                raise
        return self._made[0]

    def established(self) -> T | None:
        """Return the value when a step has asked for it and got it, otherwise None."""
        return self._made[0] if self._made is not None else None


class Steps:
    """The steps taken so far. `number` is that of the step being taken, from 1."""

    def __init__(self) -> None:
        """Begin before step 1."""
        self.number = 0
        self._taken: list[Step] = []

    @property
    def taken(self) -> tuple[Step, ...]:
        """Return all steps so far, in order."""
        return tuple(self._taken)

    def part(self, make: Callable[[], T]) -> Part[T]:
        """Return a part that is made by the first step that needs it."""
        return Part(self, make)

    def take(self, check: Check, run: Callable[[], Passed[T] | Skipped]) -> Part[T]:
        """Take the next step; return what it establishes. Only errors of `glasslog.errors` become an outcome."""
        self.number += 1
        number = self.number
        try:
            outcome = run()
        except _NotReachedError as error:
            reason = f"depends on step {error.number}"
            self._taken.append(Step(number, check, Status.NOT_REACHED, reason=reason))
        except UncheckableError as error:
            self._taken.append(Step(number, check, Status.COULD_NOT_CHECK, reason=str(error), error=error.code))
        except GlasslogError as error:
            expected, found = _expected_and_found(error)
            self._taken.append(Step(number, check, Status.FAILED, expected, found, error=error.code))
        else:
            if isinstance(outcome, Passed):
                self._taken.append(Step(number, check, Status.PASSED, found=outcome.found))
                return Part.of(self, outcome.value)
            self._taken.append(Step(number, check, Status.SKIPPED, reason=outcome.reason))
        return Part.failed(self, number)


def _expected_and_found(error: GlasslogError) -> tuple[str, str | None]:
    """Return the halves of a message "where: expected X, got Y", the form that all messages of this package have."""
    expected, _, found = str(error).partition(", got ")
    return expected.replace("expected ", "", 1), found or None
