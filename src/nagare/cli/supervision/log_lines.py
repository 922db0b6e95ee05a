"""Where the children's log lines go: to stderr with a name before each, or to a file while the dashboard has the screen.

A reader that stops reading must not stop the server: lines wait in a bounded queue, and beyond it the newest are
dropped and counted. A thread writes, because a terminal or a disk may block.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.lib.plain_text import plain

QUEUE_LINES = 10_000
# What is told of a child that died: enough for an error and its hint, not for a whole traceback.
TAIL_LINES = 12
_LINE_LIMIT = 8192
# Two files of this size hold weeks of a quiet installation and bound a noisy one.
_FILE_LIMIT_BYTES = 8 * 2**20


class LogLines:
    """Takes lines of named children; ``with`` starts and ends the writing thread."""

    def __init__(self, write: Callable[[str], None], *, is_shown: bool) -> None:
        """Send every line to ``write``, from one thread; ``is_shown`` tells that a person sees them at once."""
        self._write = write
        self.is_shown = is_shown
        self._queue: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._thread = threading.Thread(target=self._run, name="log_lines", daemon=True)
        self._tails: dict[str, deque[str]] = {}
        self.dropped = 0

    def __enter__(self) -> Self:
        """Start writing."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, unless the reader is stuck, and end."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=1.0)
            self._thread.join(timeout=2.0)

    def add(self, name: str, line: str) -> None:
        """Take one line of the child ``name``."""
        text = plain(line, _LINE_LIMIT)
        self._tails.setdefault(name, deque(maxlen=TAIL_LINES)).append(text)
        try:
            self._queue.put_nowait(f"{name:<5} | {text}")
        except queue.Full:
            self.dropped += 1

    def tail(self, name: str) -> list[str]:
        """Return the last lines of the child ``name``."""
        return list(self._tails.get(name, ()))

    def _run(self) -> None:
        for line in iter(self._queue.get, None):
            self._write(line)
            if self.dropped:
                dropped, self.dropped = self.dropped, 0
                self._write(f"nagare: {dropped} log lines dropped: they came faster than they could be written")


def to_stderr(line: str) -> None:
    """Write one line on stderr; a reader that went away is no error."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _forget(record: logging.LogRecord) -> None:  # noqa: ARG001  the library's signature
    return


@contextlib.contextmanager
def to_file(path: Path) -> Iterator[Callable[[str], None]]:
    """Give a writer of lines into ``path``, which is turned over once when it is full."""
    handler = RotatingFileHandler(path, maxBytes=_FILE_LIMIT_BYTES, backupCount=1, encoding="utf-8", delay=True)
    # A full disk must not end the server for want of its log.
    handler.handleError = _forget  # type: ignore[method-assign]

    def write(line: str) -> None:
        handler.handle(logging.LogRecord("nagare.up", logging.INFO, __file__, 0, line, (), None))

    try:
        yield write
    finally:
        handler.close()
