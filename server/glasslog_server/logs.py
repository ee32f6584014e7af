"""Say what the server does, one event a line on standard error: JSON for machines or columns for people.

Events are about the log's own doing: rounds, refusals by reason, sizes, times, faults. Never about what a record says.
Callers see to that; as a backstop nothing binary and no long text passes, and tracebacks carry no local variables. What
libraries say through `logging` comes out in the same form.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

VALUE_CHARACTERS_MAX: Final = 512
"""Longer than any message of our errors; a record's texts would be cut."""
_LEADING_KEYS: Final = ("timestamp", "level", "event")
_TRACEBACK_KEYS: Final = frozenset({"exception", "stack"})


def configure_logs(
    form: Literal["json", "console"], level: str, stream: TextIO | None = None, *, process: str | None = None
) -> None:
    """Send all events of this process to `stream`, standard error by default. Called once, by the program.

    `process` names this process in every event, where there are several.
    """
    if process is not None:
        structlog.contextvars.bind_contextvars(process=process)
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form, stream)],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    """Return what is done to every event, whether it comes from this package or through `logging`."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(allow=()),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(form: str, stream: TextIO) -> Sequence[Processor]:
    if form == "json":
        return [
            structlog.processors.format_exc_info,
            keep_content_out,
            _put_first_what_is_read_first,
            structlog.processors.JSONRenderer(),
        ]
    plain = structlog.dev.plain_traceback  # the fancy ones print local variables
    return [keep_content_out, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]


def keep_content_out(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace bytes by their number and cut long text: an event has no need of either."""
    return {key: value if key in _TRACEBACK_KEYS else _bounded(value) for key, value in event.items()}


def _put_first_what_is_read_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: event[key] for key in _LEADING_KEYS if key in event} | dict(event)


def _bounded(value: Any) -> Any:  # noqa: ANN401 (events carry anything)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) > VALUE_CHARACTERS_MAX:
        return f"{value[:VALUE_CHARACTERS_MAX]}... ({len(value)} characters)"
    return value
