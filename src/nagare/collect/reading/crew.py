"""Runs jobs that may never come back on threads that nobody waits for longer than he wants.

A thread stuck in the kernel cannot be ended, so it is left alone: it is a daemon, it counts against the bound of
threads, and its job is not started again before it has come back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class Crew(Generic[Key, Result]):
    """At most ``threads`` jobs at one time, each known by its key. ``_busy`` and each round are guarded by ``_changed``."""

    def __init__(self, name: str, threads: int) -> None:
        """Start no thread yet."""
        self._name = name
        self._threads = threads
        self._changed = threading.Condition()
        self._busy: set[Key] = set()

    def run(self, jobs: Mapping[Key, Callable[[], Result]], wait_seconds: float) -> dict[Key, Result]:
        """Return the results that came within ``wait_seconds``; the others are missing, and late ones are dropped.

        A job whose last run has not come back is not started. A job that raises has no result.
        """
        deadline = monotonic() + wait_seconds
        with self._changed:
            idle = [key for key in jobs if key not in self._busy]
            workers = min(len(idle), self._threads - len(self._busy))
        results: dict[Key, Result] = {}
        queue, pending = deque(idle), set(idle)
        for _ in range(workers):
            threading.Thread(
                target=self._work, args=(queue, pending, jobs, results, deadline), name=self._name, daemon=True
            ).start()
        with self._changed:
            self._changed.wait_for(lambda: not pending or workers <= 0, timeout=wait_seconds)
            return dict(results)

    def _work(
        self,
        queue: deque[Key],
        pending: set[Key],
        jobs: Mapping[Key, Callable[[], Result]],
        results: dict[Key, Result],
        deadline: float,
    ) -> None:
        while True:
            with self._changed:
                if not queue or monotonic() >= deadline:
                    return
                key = queue.popleft()
                self._busy.add(key)
            self._run_one(key, pending, jobs[key], results)

    def _run_one(self, key: Key, pending: set[Key], job: Callable[[], Result], results: dict[Key, Result]) -> None:
        try:
            result = job()
            with self._changed:
                results[key] = result
        finally:
            with self._changed:
                self._busy.discard(key)
                pending.discard(key)
                self._changed.notify_all()
