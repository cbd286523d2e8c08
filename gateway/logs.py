"""Logging to standard error, as text for people or as JSON lines for a log collector."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import orjson

from gateway.audit import LOGGER as AUDIT
from gateway.http.request_id import current_request_id
from gateway.settings import LogSettings

_NAMES: Final = {"uvicorn.error": "uvicorn"}
"""Loggers that say other things than their names do: uvicorn's for all that it says, errors and the rest."""

ACCESS: Final = "gateway.access"
"""The logger of the access log: `gateway.telemetry.access_log`."""

_AS_IT_IS: Final = frozenset({AUDIT, ACCESS})


class JsonLines(logging.Formatter):
    """One JSON object per line: `time` (UTC), `level`, `logger`, `message`, `request` and `exception`.

    `request` is the id of the request that the line is about, if there is one; `exception` has the stack.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": _NAMES.get(record.name, record.name),
            "message": record.getMessage(),
        }
        if request := current_request_id.get():
            line["request"] = request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()


class TextLines(logging.Formatter):
    """Lines for people, with the id of the request that they are about in brackets at the end."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {name}: {message}", "%H:%M:%S", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The first line of one record."""
        record.name = _NAMES.get(record.name, record.name)
        line, request = super().formatMessage(record), current_request_id.get()
        return f"{line} [{request}]" if request else line


class _JsonAsItIs(logging.Formatter):
    """Lines of the audit log and the access log are JSON already; all others are as `other` makes them."""

    def __init__(self, other: logging.Formatter) -> None:
        super().__init__()
        self._other = other

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if record.name in _AS_IT_IS else self._other.format(record)


def configure(settings: LogSettings) -> None:
    """Send all log records of this process to standard error, as the settings say.

    The audit log is there whatever the level and the format are, and so is the access log where it is wanted. Below
    warnings, asyncio and aiohttp log at level `debug` only.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonAsItIs(JsonLines() if settings.format == "json" else TextLines()))
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    for name in _AS_IT_IS:
        logging.getLogger(name).setLevel(logging.INFO)
    if settings.level != "debug":
        for name in ("asyncio", "aiohttp"):
            logging.getLogger(name).setLevel(logging.WARNING)
