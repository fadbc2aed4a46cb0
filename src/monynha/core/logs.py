"""Logging to standard error: one JSON object per line in production, readable lines in development."""

from __future__ import annotations

import logging
import re
import sys

import orjson
import structlog

# Control characters (Unicode's Cc), line separators, and the characters that reorder a line. In a terminal they would
# move the cursor, change colours, or make two lines out of one.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def configure_logging(*, level: str, as_json: bool) -> None:
    """Set up structlog and the standard library's logging; libraries are logged from `warning` up."""
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
    structlog.configure(
        processors=[*shared_processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_processors, processor=renderer)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("monynha").setLevel(threshold)


def _escape_control_characters(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            event[name] = _CONTROL.sub(lambda match: ascii(match[0])[1:-1], value)
    return event


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()
