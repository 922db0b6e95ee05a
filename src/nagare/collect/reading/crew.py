"""Runs jobs that may never come back on threads that nobody waits for longer than he wants.

A thread stuck in the kernel cannot be ended, so it is left alone: it is a daemon, it counts against the bound of
threads, and its job is not started again before it has come back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from functools import partial
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

        A job whose last run has not come back is not started. Raises what a job raised in time: jobs answer for the
        faults they expect, so that is a fault of ours.
        """
        deadline = monotonic() + wait_seconds
        with self._changed:
            idle = [key for key in jobs if key not in self._busy]
            workers = min(len(idle), self._threads - len(self._busy))
        results: dict[Key, Result] = {}
        faults: list[Exception] = []
        queue, pending = deque(idle), set(idle)
        for _ in range(workers):
            work = partial(self._work, queue, deadline, partial(self._run_one, jobs, pending, results, faults))
            threading.Thread(target=work, name=self._name, daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not pending or bool(faults) or workers <= 0, timeout=wait_seconds)
            if faults:
                raise faults[0]
            return dict(results)

    def _work(self, queue: deque[Key], deadline: float, run_one: Callable[[Key], None]) -> None:
        while True:
            with self._changed:
                if not queue or monotonic() >= deadline:
                    return
                key = queue.popleft()
                self._busy.add(key)
            run_one(key)

    def _run_one(
        self,
        jobs: Mapping[Key, Callable[[], Result]],
        pending: set[Key],
        results: dict[Key, Result],
        faults: list[Exception],
        key: Key,
    ) -> None:
        try:
            result = jobs[key]()
        except Exception as fault:
            # Told to who waits too; this thread ends by it, so that nobody can overlook it.
            with self._changed:
                faults.append(fault)
            raise
        else:
            with self._changed:
                results[key] = result
        finally:
            with self._changed:
                self._busy.discard(key)
                pending.discard(key)
                self._changed.notify_all()
