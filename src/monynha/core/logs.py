"""Logging to standard error: one JSON object per line in production, readable lines in development."""

from __future__ import annotations

import atexit
import io
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import structlog

from monynha.core.log_writer import LogWriter

# Control characters (Unicode's Cc), line separators, and the characters that reorder a line. In a terminal they would
# move the cursor, change colours, or make two lines out of one.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class EventLog:
    """Logs frequent events: as structlog does, in a fraction of the time where lines are JSON."""

    write_line: Callable[[bytes], None] | None = None
    """Writes a line of JSON that is rendered already, with its line break; None where lines are not JSON."""

    def log(self, level: str, event: dict[str, object]) -> None:
        """Log an event at a level that is enabled: `event` and its other fields."""
        if self.write_line is not None:
            self.write_line(_render_json_line(None, level, event))
        else:
            getattr(structlog.get_logger(), level)(**event)


def configure_logging(*, level: str, as_json: bool) -> EventLog:
    """Set up structlog and the standard library's logging; libraries are logged from `warning` up.

    A thread writes lines of JSON, the last ones when `flush_logs` is called or the interpreter exits.
    """
    flush_logs()
    threshold = getattr(logging, level.upper())
    shared_processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    if not as_json:
        shared_processors.append(_escape_control_characters)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(_dumps)
        if as_json
        else structlog.dev.ConsoleRenderer(timestamp_key="time", colors=sys.stderr.isatty())
    )
    writer = _open_writer() if as_json else None
    structlog.configure(
        processors=[_render_json_line] if writer else [*shared_processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_LineLoggerFactory(writer) if writer else structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_processors, processor=renderer)
    handler = _LineHandler(writer) if writer else logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("monynha").setLevel(threshold)
    return EventLog(writer.write if writer else None)


def flush_logs() -> None:
    """Write the lines that wait; later ones are written at once."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LineHandler):
            handler.writer.close()


def _open_writer() -> LogWriter | None:
    """Return a writer to standard error; None if that is no file, as in some tests."""
    try:
        writer = LogWriter(sys.stderr.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    atexit.register(writer.close)
    return writer


class _LineHandler(logging.Handler):
    """Passes the records of the standard library to the writer."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self.writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self.writer.write(self.format(record).encode() + b"\n")


class _LineLogger:
    """What structlog passes a rendered line to, by a method for each level."""

    __slots__ = ("critical", "debug", "error", "info", "warning")

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = write


class _LineLoggerFactory:
    """Makes the loggers of structlog."""

    def __init__(self, writer: LogWriter) -> None:
        self._logger = _LineLogger(writer.write)

    def __call__(self, *_: object) -> _LineLogger:
        return self._logger


def _render_json_line(_: object, level: str, event: structlog.typing.EventDict) -> bytes:
    event["level"] = level
    event["time"] = datetime.now(UTC)
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _escape_control_characters(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            event[name] = _CONTROL.sub(lambda match: ascii(match[0])[1:-1], value)
    return event


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()
