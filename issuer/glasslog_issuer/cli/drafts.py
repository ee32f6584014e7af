"""Read the records that `glasslog-issuer sign` is given: one in a file, or many, one a line.

Whatever is wrong with any of them is told at once, by line, so that a file can be put right in one go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from glasslog.errors import MalformedError
from glasslog_issuer.record_json import Draft, decode_draft
from glasslog_issuer.stream import TURN_STATEMENTS_MAX

INPUT_BYTES_MAX: Final = 256 * 1_024 * 1_024
PROBLEMS_SHOWN_MAX: Final = 20


class RecordsError(MalformedError):
    """Report all that is wrong with the records of a file, one problem a line; nothing was signed."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A draft, and the line where it stood, from 1; None where the file is one record."""

    draft: Draft
    line: int | None

    def locate(self, error: MalformedError) -> str:
        """Return what is wrong, with where it is."""
        return str(error) if self.line is None else f"line {self.line}: {error}"


def read_drafts(source: IO[bytes], *, lines: bool) -> list[Numbered]:
    """Return the drafts of a file; empty lines are skipped. Raises RecordsError."""
    data = source.read(INPUT_BYTES_MAX + 1)
    if len(data) > INPUT_BYTES_MAX:
        msg = f"{source.name}: expected at most {INPUT_BYTES_MAX} bytes"
        raise RecordsError(msg)
    if not lines:
        return [Numbered(decode_draft(data), None)]
    drafts: list[Numbered] = []
    problems: list[str] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            drafts.append(Numbered(decode_draft(line), number))
        except MalformedError as error:
            problems.append(f"line {number}: {error}")
    check_problems(problems)
    if not 1 <= len(drafts) <= TURN_STATEMENTS_MAX:
        msg = f"{source.name}: expected 1 to {TURN_STATEMENTS_MAX} records, got {len(drafts)}"
        raise RecordsError(msg)
    return drafts


def check_problems(problems: Sequence[str]) -> None:
    """Raise RecordsError with the problems, the first of them in full, when there are any."""
    if problems:
        more = len(problems) - PROBLEMS_SHOWN_MAX
        shown = [*problems[:PROBLEMS_SHOWN_MAX], *([f"and {more} more"] if more > 0 else [])]
        raise RecordsError("\n".join(shown))
