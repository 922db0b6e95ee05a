"""Log lines of our processes: one format for people, one for machines, both on stderr.

Called once by a process's entry point, never by a library module. Foreign text in a line is made harmless, so that a
log read in a terminal cannot steer it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from nagare.lib.plain_text import plain, plain_lines

# Libraries that talk much at info and below; what they warn of still comes through.
_QUIET = ("alembic", "asyncio", "aiohttp.access", "sqlalchemy", "zeroconf")


def set_up_logging(level: str = "info", line_format: str = "text", *, stream: TextIO | None = None) -> None:
    """Send log records of at least ``level`` to ``stream`` (default: stderr) as ``text`` or ``json`` lines."""
    target = logging.StreamHandler(stream or sys.stderr)
    target.setFormatter(JsonFormatter() if line_format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(target)
    set_log_level(level)


def set_log_level(level: str) -> None:
    """Write records of at least ``level`` from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _stamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class TextFormatter(logging.Formatter):
    """``2026-01-01T00:00:00.000Z INFO nagare.server.main listening url=…``, tracebacks below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback's lines if there is one."""
        line = f"{_stamp(record)} {record.levelname:<7} {record.name} {plain(record.getMessage())}"
        if record.exc_info:
            line += "\n" + plain_lines(self.formatException(record.exc_info))
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and perhaps traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        fields = {
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=True)
