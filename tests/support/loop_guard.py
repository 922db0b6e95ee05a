"""Finds code of ours that holds the event loop: the one fault that no test of behaviour shows.

Each callback that a loop runs is timed. One that holds the loop for longer than the limit is reported with the stack
that a watching thread saw meanwhile. What is nobody's fault does not count, so that a loaded machine accuses nobody: time
in which the kernel had no core free for a thread of this process, collections of garbage (a test process has far more
of it than ours), the first import of a library, the start of a thread; nor does plain code that the test itself calls.
"""

import asyncio
import gc
import inspect
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
_TESTS = f"{os.sep}tests{os.sep}"
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def limit_seconds() -> float:
    """Return the limit; measuring coverage makes Python code about twice as slow."""
    return LIMIT_SECONDS * (2 if "coverage" in sys.modules else 1)


def _waited_seconds() -> float:
    # The second number of schedstat: nanoseconds in which a thread could run and had no core. All threads count: one
    # that holds the interpreter's lock and is not let run holds the loop, too.
    waited = 0
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/schedstat", "rb") as file:
                waited += int(file.read().split()[1])
        except (OSError, IndexError):
            continue
    return waited / 1e9


class LoopGuard:
    """Times the callbacks of the thread that makes it; ``blocks`` collects what was found."""

    def __init__(self, limit: float | None = None) -> None:
        self.blocks: list[str] = []
        self._limit = limit or limit_seconds()
        self._thread = threading.get_ident()
        self._started = 0.0  # zero: no callback runs
        self._stack = ""
        # What the watching thread saw before the present callback began.
        self._waited = _waited_seconds()
        self._collected, self._collecting_since = 0.0, 0.0
        self._ended = threading.Event()
        self._run = asyncio.Handle._run

    def __enter__(self) -> Self:
        guard, run = self, self._run

        def timed_run(handle: asyncio.Handle) -> None:
            if threading.get_ident() != guard._thread or guard._started:
                run(handle)
                return
            guard._time(handle)

        asyncio.Handle._run = timed_run  # type: ignore[method-assign, assignment]
        gc.callbacks.append(self._note_collection)
        self._watcher = threading.Thread(target=self._watch, name="loop-guard", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.Handle._run = self._run  # type: ignore[method-assign]
        gc.callbacks.remove(self._note_collection)
        self._ended.set()
        self._watcher.join()

    def _time(self, handle: asyncio.Handle) -> None:
        self._stack, self._collected = "", 0.0
        self._started = time.perf_counter()
        try:
            self._run(handle)
        finally:
            lasted = time.perf_counter() - self._started - self._collected
            self._started = 0.0
            if lasted > self._limit and self._stack:
                held = lasted - (_waited_seconds() - self._waited)
                if held > self._limit:
                    self.blocks.append(f"the event loop was held for {held:.2f} s, seen at\n{self._stack}")

    def _note_collection(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_since = time.perf_counter()
        else:
            self._collected += time.perf_counter() - self._collecting_since

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            started = self._started
            if not started or time.perf_counter() - started < _SAMPLE_SECONDS:
                self._waited = _waited_seconds()
                continue
            if time.perf_counter() - started < self._limit * 0.8:
                continue
            frame = sys._current_frames().get(self._thread)
            if frame is not None and _is_our_fault(frame):
                self._stack = "".join(traceback.format_stack(frame)[-6:])


def _is_our_fault(innermost: FrameType) -> bool:
    frames = [innermost]
    while (outer := frames[-1].f_back) is not None:
        frames.append(outer)
    if any(frame.f_code.co_filename.startswith("<frozen importlib") for frame in frames):
        return False
    if any(frame.f_code is threading.Thread.start.__code__ for frame in frames[:6]):
        return False
    ours = next((frame for frame in reversed(frames) if _OURS in frame.f_code.co_filename), None)
    if ours is None:
        return False
    caller = ours.f_back
    is_called_by_test = caller is not None and _TESTS in caller.f_code.co_filename
    return not is_called_by_test or bool(ours.f_code.co_flags & _ASYNC)
