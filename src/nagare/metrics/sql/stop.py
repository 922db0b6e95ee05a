"""How work on a query thread is ended from outside: at its deadline, or when its caller goes away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from nagare.metrics.sql.messages import deadline_error


@dataclass(slots=True, kw_only=True)
class Stop:
    """``stop`` may be called from any thread and again and again."""

    stopped: threading.Event = field(default_factory=threading.Event)
    # Guards _cursor: it must not close under an interrupt. Held for moments only, also by the event loop.
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cursor: duckdb.DuckDBPyConnection | None = None

    def stop(self) -> None:
        """End the work as soon as DuckDB looks; before it runs at all, if it has not begun."""
        self.stopped.set()
        with self._lock:
            if self._cursor is not None:
                self._cursor.interrupt()

    def use(self, cursor: duckdb.DuckDBPyConnection | None) -> None:
        """Say which cursor ``stop`` interrupts; None before it closes."""
        with self._lock:
            self._cursor = cursor

    @contextmanager
    def stopping(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let ``stop`` interrupt ``cursor`` while the block runs. Raises DeadlineExceededError where it was called before."""
        self.use(cursor)
        try:
            self.check_stopped()
            yield
        finally:
            self.use(None)

    def check_stopped(self) -> None:
        """Raise DeadlineExceededError once ``stop`` was called."""
        if self.stopped.is_set():
            raise deadline_error()
