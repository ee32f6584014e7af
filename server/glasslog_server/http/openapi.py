"""Describe the HTTP interface in OpenAPI 3.1, from the same table of routes that serves it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from glasslog import __version__
from glasslog_server.errors import FaultError, HttpSyntaxError, StoreError
from glasslog_server.http.negotiation import PROBLEM_JSON
from glasslog_server.http.problems import CODE_HEADER, CONCISE_PROBLEM, PROBLEMS, code_of, problem_of
from glasslog_server.http.routes import BINARY, Route, Schema

_EVERYWHERE: Final[tuple[type[Exception], ...]] = (HttpSyntaxError, StoreError, FaultError)
_INTRODUCTION: Final = (
    "Register Signed Statements (SCRAPI, RFC 9943), read the log (C2SP tlog-tiles), get receipts (RFC 9942), proofs. "
    "HEAD is answered wherever GET is, OPTIONS everywhere. Errors are Concise Problem Details (RFC 9290), or RFC 9457 "
    f"for clients that prefer JSON; their constant code is in the header {CODE_HEADER}."
)
_PROBLEM: Final[Schema] = {
    "type": "object",
    "required": ["title", "status", "detail", "code"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"enum": sorted({code_of(_bare) for _bare in (error("") for error in PROBLEMS)} | {"unexpected"})},
    },
}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of some routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Glasslog transparency log",
            "version": __version__,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed only by a log whose policy says `entries_access: token`.",
                }
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {**_answers(route), **_problems(route)},
    }
    if route.parameters:
        operation["parameters"] = [
            {
                "name": parameter.name,
                "in": parameter.place,
                "description": parameter.description,
                "required": parameter.required,
                "schema": parameter.schema,
            }
            for parameter in route.parameters
        ]
    if route.body:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.needs_token:
        operation["security"] = [{}, {"token": []}]
    return operation


def _answers(route: Route) -> dict[str, Any]:
    described = {}
    for answer in route.answers:
        response: dict[str, Any] = {"description": answer.description}
        if answer.content:
            response["content"] = _content(answer.content)
        if answer.headers:
            response["headers"] = {name: _header(description) for name, description in answer.headers.items()}
        described[str(answer.status)] = response
    return described


def _problems(route: Route) -> dict[str, Any]:
    """Return the problems of a route by status: what each is called, and the codes that tell them apart."""
    by_status: dict[int, list[Exception]] = {}
    for error_class in (*route.problems, *_EVERYWHERE):
        error = error_class("")
        by_status.setdefault(problem_of(error).status, []).append(error)
    return {str(status): _problem(errors) for status, errors in sorted(by_status.items())}


def _problem(errors: Sequence[Exception]) -> dict[str, Any]:
    told = [f"{problem_of(error).title} (`{code_of(error)}`)" for error in errors]
    headers = {CODE_HEADER: _header("The constant code of the error.")}
    if any(problem_of(error).retry_after_s for error in errors):
        headers["Retry-After"] = _header("Seconds after which the same request may succeed.")
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "; ".join(told),
        "headers": headers,
        "content": _content({CONCISE_PROBLEM: BINARY, PROBLEM_JSON: reference}),
    }


def _content(types: Mapping[str, Schema]) -> dict[str, Any]:
    """Return media types and their schemas; of bytes nothing more is to be said (OpenAPI 3.1, binary data)."""
    return {media_type: {} if schema is BINARY else {"schema": schema} for media_type, schema in types.items()}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
