"""Gather the content of a span for its commitments, from wherever the instrumentation put it.

Content stands in attributes (`gen_ai.input.messages`, and before that `gen_ai.prompt`, whole or flattened), or in
events of the span or of its context. The first place that has any is taken: no message is committed to twice.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from glasslog import cbor
from glasslog.limits import DISCLOSURE_BYTES_MAX
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.fields import Fields, structured
from glasslog_issuer.otel.span import Event, SpanData

_VALUE_BYTES_MAX: Final = DISCLOSURE_BYTES_MAX - 1_024  # salt and name take their part
_EVENT_CONTENT: Final = ("content", "message", "tool_calls", "finish_reason", "index", "id", "role")


def of_inference(span: SpanData, fields: Fields) -> dict[str, object]:
    """Return what a call of a model commits to, by the names of the commitments."""
    details = Fields(_merged(event for event in span.events if event.name == names.DETAILS_EVENT))
    found = {
        "input": _first(
            lambda: fields.content(names.INPUT_MESSAGES),
            lambda: details.content(names.INPUT_MESSAGES),
            lambda: _messages(span.events),
            lambda: fields.flattened(names.OLD_INPUT),
            lambda: _old(span.events, fields, names.OLD_INPUT),
            lambda: fields.content(names.ENTITY_INPUT),
        ),
        "output": _first(
            lambda: fields.content(names.OUTPUT_MESSAGES),
            lambda: details.content(names.OUTPUT_MESSAGES),
            lambda: [_said(event) for event in span.events if event.name == names.CHOICE_EVENT],
            lambda: fields.flattened(names.OLD_OUTPUT),
            lambda: _old(span.events, fields, names.OLD_OUTPUT),
            lambda: fields.content(names.ENTITY_OUTPUT),
        ),
        "system_instructions": _first(
            lambda: fields.content(names.SYSTEM_INSTRUCTIONS), lambda: details.content(names.SYSTEM_INSTRUCTIONS)
        ),
        "tools": _first(
            lambda: fields.content(names.TOOL_DEFINITIONS), lambda: details.content(names.TOOL_DEFINITIONS)
        ),
    }
    return _kept(found, span, fields)


def of_step(span: SpanData, fields: Fields, given: tuple[str, ...], came: tuple[str, ...]) -> dict[str, object]:
    """Return what a step commits to: what was given to it and what came back, each by names in order of preference."""
    return _kept({"input": fields.content(*given), "output": fields.content(*came)}, span, fields)


def of_guardrail(span: SpanData, fields: Fields) -> dict[str, object]:
    """Return what a guardrail's execution commits to: what it examined and made of it, where the span says so."""
    found = {
        "input": fields.content("gen_ai.security.content.input.value"),
        "output": fields.content("gen_ai.security.content.output.value"),
    }
    return _kept(found, span, fields)


def committable(value: object) -> object:
    """Return a value as a disclosure can hold it: itself, or the JSON text of what is too deep, odd or wide.

    What exceeds the size of a disclosure is kept by its SHA-256, under the salt like all else.
    """
    try:
        if len(cbor.encode(value)) <= _VALUE_BYTES_MAX:
            return value
    except (ValueError, RecursionError):
        pass
    data = _as_text(value).encode(errors="backslashreplace")
    if len(data) <= _VALUE_BYTES_MAX:
        return data.decode()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).digest()}


def _kept(found: Mapping[str, object], span: SpanData, fields: Fields) -> dict[str, object]:
    """Return what was found, with the failure of the call and everything that no field took."""
    content = {name: value for name, value in found.items() if value not in (None, [], {}, "")}
    if failure := _failure(span):
        content["error"] = failure
    if rest := fields.rest():
        content["attributes"] = {key: structured(value) for key, value in rest.items()}
    return {name: committable(_plain(value)) for name, value in content.items()}


def _failure(span: SpanData) -> dict[str, object]:
    """Return what is known of a failed call. Messages of errors repeat what was asked, often enough."""
    if not span.failed:
        return {}
    raised = [dict(event.attributes) for event in span.events if event.name == names.EXCEPTION_EVENT]
    known = {"description": span.failure, "exceptions": raised}
    return {name: value for name, value in known.items() if value}


def _messages(events: tuple[Event, ...]) -> list[object]:
    return [
        {"role": names.MESSAGE_EVENTS[event.name], **_said(event)}
        for event in events
        if event.name in names.MESSAGE_EVENTS
    ]


def _said(event: Event) -> dict[str, object]:
    """Return what a message event says: its body, where it was logged, or the attributes of a span's event."""
    if isinstance(event.body, Mapping):
        return {str(key): value for key, value in event.body.items()}
    if event.body is not None:
        return {"content": event.body}
    return {key: structured(event.attributes[key]) for key in _EVENT_CONTENT if key in event.attributes}


def _old(events: tuple[Event, ...], fields: Fields, key: str) -> object:
    """Return the prompts or completions of the conventions of 2024: an event with one attribute, or the attribute."""
    for event in events:
        if names.OLD_EVENTS.get(event.name) == key and key in event.attributes:
            return structured(event.attributes[key])
    return fields.content(key)


def _merged(events: Any) -> dict[str, object]:  # noqa: ANN401  events
    merged: dict[str, object] = {}
    for event in events:
        merged |= event.body if isinstance(event.body, Mapping) else {}
        merged |= event.attributes
    return merged


def _first(*places: Any) -> object:  # noqa: ANN401  functions without arguments
    return next((found for place in places if (found := place()) not in (None, [], {}, "")), None)


def _plain(value: object) -> object:
    """Return a value with tuples as lists and texts for the keys of maps, as the model of disclosures has it."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        return repr(value)
