"""What the server says about itself is one event a line, and holds no content."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import pytest
import structlog

from glasslog_server.logs import VALUE_CHARACTERS_MAX, configure_logs

Form: TypeAlias = Literal["json", "console"]
FORMS: list[Form] = ["json", "console"]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Put logging back: it belongs to the process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_what_is_read_first_in_front() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    structlog.get_logger("glasslog.sequencer").info("round", size=3, line="a\nb")
    [event] = events(stream)
    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert (event["event"], event["level"], event["size"], event["line"]) == ("round", "info", 3, "a\nb")
    assert event["logger"] == "glasslog.sequencer"


def test_less_than_the_level_is_not_said() -> None:
    stream = io.StringIO()
    configure_logs("json", "warning", stream)
    logger = structlog.get_logger("glasslog")
    logger.info("quiet")
    logging.getLogger("aiohttp.server").info("quiet too")
    logger.warning("loud")
    assert [event["event"] for event in events(stream)] == ["loud"]


def test_libraries_and_warnings_come_out_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    logging.getLogger("aiohttp.server").error("bad %s", "handshake", extra={"prompt": "secret"})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    said = events(stream)
    assert [event["event"] for event in said[:1]] == ["bad handshake"]
    assert "old thing" in said[1]["event"]
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_bytes_and_long_texts_do_not_get_out(form: Form) -> None:
    stream = io.StringIO()
    configure_logs(form, "info", stream)
    structlog.get_logger("glasslog").info("refused", payload=b"patient", text="z" * 10_000)
    assert "patient" not in stream.getvalue()
    assert "<7 bytes>" in stream.getvalue()
    assert "z" * (VALUE_CHARACTERS_MAX + 1) not in stream.getvalue()
    assert "(10000 characters)" in stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_traceback_names_places_and_no_values(form: Form) -> None:
    stream = Terminal()
    configure_logs(form, "info", stream)

    def decide(prompt: str) -> None:
        raise RuntimeError

    try:
        decide("the patient's prompt")
    except RuntimeError:
        structlog.get_logger("glasslog").exception("round_failed")
    said = stream.getvalue()
    assert "RuntimeError" in said
    assert "in decide" in said
    assert said.count("the patient's prompt") == 1  # the line of code that is ours, not the value it was called with


def test_the_console_has_colours_only_on_a_terminal() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        configure_logs("console", "info", stream)
        structlog.get_logger("glasslog").info("round")
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[" in terminal.getvalue()
