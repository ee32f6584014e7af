"""Read what a log says when it refuses (RFC 9290 in CBOR, RFC 9457 in JSON, or nothing but an HTTP status).

Titles and details come from the other side and end on terminals and in logs: they are cut to a length and freed of
control characters here.
"""

import json
import unicodedata
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog_issuer.exchange import Answer

MEDIA_TYPE: Final = "application/concise-problem-details+cbor"
MEDIA_TYPE_JSON: Final = "application/problem+json"
TEXT_CHARACTERS_MAX: Final = 500
_TITLE: Final = -1
_DETAIL: Final = -2


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: a short title, the same for every problem of a kind, and the details of this one.

    `code` is the log's constant name for the kind, for programs; "" where it gives none.
    """

    title: str
    detail: str
    code: str = ""

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.title}: {self.detail}" if self.detail else self.title


def problem_of(answer: Answer) -> Problem:
    """Return the problem that an answer tells of; what it does not say is taken from its HTTP status."""
    document: Any = None
    if answer.media_type == MEDIA_TYPE:
        try:
            document = cbor.decode_foreign(answer.body)
        except MalformedError:
            document = None
    elif answer.media_type == MEDIA_TYPE_JSON:
        document = _from_json(answer.body)
    title, detail = _texts(document)
    return Problem(title or _status_title(answer.status), detail, _printable(answer.problem_code))


def problem_of_outcome(outcome: dict[Any, Any]) -> Problem:
    """Return the problem of one statement of a batch. Raises MalformedError when it has no title."""
    title, detail = _texts(outcome.get("problem"))
    if not title:
        raise MalformedError("expected a problem document with a title (-1)")
    return Problem(title, detail, _printable(outcome.get("code")))


def _texts(document: cbor.Value) -> tuple[str, str]:
    if not isinstance(document, dict):
        return "", ""
    return _printable(document.get(_TITLE)), _printable(document.get(_DETAIL))


def _from_json(body: bytes) -> dict[int, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return {_TITLE: document.get("title"), _DETAIL: document.get("detail")} if isinstance(document, dict) else None


def _printable(text: object) -> str:
    if not isinstance(text, str):
        return ""
    visible = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(visible.split())[:TEXT_CHARACTERS_MAX]


def _status_title(status: int) -> str:
    try:
        return f"HTTP status {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP status {status}"
