"""Finds code of ours that holds the event loop: the one fault that no test of behaviour shows.

Each callback that a loop runs is timed. One that holds the loop for longer than the limit is reported with the stack
that a watching thread saw meanwhile. Time in which the kernel had no core free for this thread does not count, so
that a loaded machine accuses nobody; nor does the first import of a library, nor code of the test itself.
"""

import asyncio
import os
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Self

LIMIT_SECONDS = 0.25
_SAMPLE_SECONDS = 0.05
_OURS = f"{os.sep}src{os.sep}nagare{os.sep}"


def _waited_seconds(descriptor: int) -> float:
    # The second number of schedstat: nanoseconds in which the thread could run and had no core.
    return int(os.pread(descriptor, 64, 0).split()[1]) / 1e9 if descriptor >= 0 else 0.0


class LoopGuard:
    """Times the callbacks of the thread that makes it; ``blocks`` collects what was found."""

    def __init__(self, limit_seconds: float = LIMIT_SECONDS) -> None:
        self.blocks: list[str] = []
        self._limit = limit_seconds
        self._thread = threading.get_ident()
        self._started = 0.0  # zero: no callback runs
        self._depth = 0
        self._stack = ""
        self._ended = threading.Event()
        self._run = asyncio.Handle._run
        try:
            self._schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self._schedstat = -1

    def __enter__(self) -> Self:
        guard, run = self, self._run

        def timed_run(handle: asyncio.Handle) -> None:
            if threading.get_ident() != guard._thread or guard._depth:
                run(handle)
                return
            guard._time(handle)

        asyncio.Handle._run = timed_run  # type: ignore[method-assign, assignment]
        self._watcher = threading.Thread(target=self._watch, name="loop-guard", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.Handle._run = self._run  # type: ignore[method-assign]
        self._ended.set()
        self._watcher.join()
        if self._schedstat >= 0:
            os.close(self._schedstat)

    def _time(self, handle: asyncio.Handle) -> None:
        waited = _waited_seconds(self._schedstat)
        self._stack = ""
        self._depth, self._started = 1, time.perf_counter()
        try:
            self._run(handle)
        finally:
            lasted = time.perf_counter() - self._started
            self._depth, self._started = 0, 0.0
            if lasted > self._limit and self._stack:
                held = lasted - (_waited_seconds(self._schedstat) - waited)
                if held > self._limit:
                    self.blocks.append(f"the event loop was held for {held:.2f} s, seen at\n{self._stack}")

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            started = self._started
            if not started or time.perf_counter() - started < self._limit * 0.8:
                continue
            frame = sys._current_frames().get(self._thread)
            if frame is not None and _is_our_fault(frame):
                self._stack = "".join(traceback.format_stack(frame)[-6:])


def _is_our_fault(frame: FrameType | None) -> bool:
    ours = False
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        ours = ours or _OURS in name
        frame = frame.f_back
    return ours
