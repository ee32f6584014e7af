"""Describe routes once: what serves them, and what the OpenAPI document says of them.

Each module of this package lists its routes next to its handlers. `app` registers them, `openapi` describes them, so
neither can say what the other does not do.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import web

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema (2020-12)."""

BINARY: Final[Schema] = {"type": "string", "format": "binary"}
TEXT: Final[Schema] = {"type": "string"}
INDEX: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
HASH: Final[Schema] = {"type": "string", "contentEncoding": "base64", "minLength": 44, "maxLength": 44}
ENTRY_ID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}

IMMUTABLE: Final = "public, max-age=31536000, immutable"
IMMUTABLE_PRIVATE: Final = "private, max-age=31536000, immutable"
NO_CACHE: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path or of the query."""

    name: str
    place: str
    description: str
    schema: Schema
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A status that is no problem, and the media types that it comes in."""

    status: int
    description: str
    content: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `path` is in the syntax of OpenAPI; `pattern` is aiohttp's where that differs.

    `problems` are the error classes that this route can answer with, beyond those that every route can.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answers: tuple[Answer, ...]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    problems: tuple[type[Exception], ...] = ()
    needs_token: bool = False
    pattern: str | None = None
