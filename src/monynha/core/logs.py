"""Logging to standard error: one JSON object per line in production, readable lines in development."""

from __future__ import annotations

import logging
import sys

import orjson
import structlog


def configure_logging(*, level: str, as_json: bool) -> None:
    """Set up structlog and the standard library's logging; libraries are logged from `warning` up."""
    threshold = getattr(logging, level.upper())
    shared_processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
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


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()
