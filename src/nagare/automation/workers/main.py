"""A worker process: takes orders from its standard input, one after the other, and does them.

Its input is its tether. When it ends, by whatever hand the server died, the worker and all that it started end with it:
nothing of a task may go on that nobody watches. Frames go out by a descriptor of their own, so that what a library prints
is a line on stderr and no broken frame.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from nagare.automation.workers.pipe import pack, read_frame, to_worker, write_all
from nagare.errors import NagareError, StorageError, UnavailableError
from nagare.wire.worker import Answer, Broken, Call, Finished, FromWorker, Keep, Order, Progress

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
# What libraries ask for and do not use: with DuckDB at work 60 of 205 MiB, with numpy some more.
_UNUSED_BYTES = 128 * 2**20


class CallFailedError(Exception):
    """The server did not do what was asked of it."""

    def __init__(self, answer: Answer) -> None:
        """Keep what it said."""
        super().__init__(answer.fault)
        self.answer = answer


class Talk:
    """What a task in a worker may say: how far it is, and what it asks the server for."""

    def __init__(self, order: Order, say: Callable[[FromWorker], None], answers: queue.Queue[Answer]) -> None:
        """Speak by ``say``; hear by ``answers``."""
        self.task_id, self.made_ms, self.installation = order.id, order.made_ms, order.installation
        self._say = say
        self._answers = answers

    def progress(self, ratio: float | None, text: str) -> None:
        """Tell how far it is."""
        self._say(Progress(ratio, text))

    def call(self, name: str, **value: Any) -> Any:
        """Return what the server answers. Raises CallFailedError."""
        self._say(Call(name, value))
        answer = self._answers.get()
        if answer.fault:
            raise CallFailedError(answer)
        return answer.value


class _Tether:
    """Reads the server's words on a thread of its own, so that their end is noticed while a task computes.

    A server that stands still says nothing, and its lease ends: then this ends, too, before another server begins.
    """

    def __init__(self, descriptor: int) -> None:
        self.orders: queue.Queue[Order] = queue.Queue()
        self.answers: queue.Queue[Answer] = queue.Queue()
        self._descriptor = descriptor
        # Until when what it does is ours; None while it does nothing. Guarded by the lock, for two threads set it.
        self._until: float | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="worker-tether", daemon=True).start()

    def idle(self) -> None:
        """Note that the order is done."""
        with self._lock:
            self._until = None

    def _read(self) -> None:
        try:
            while self._waits() and (content := read_frame(self._descriptor)) is not None:
                frame = to_worker(content)
                match frame:
                    case Order():
                        self._until = frame.held_until
                        # This process may have taken long to start.
                        if time.monotonic() < frame.held_until:
                            self.orders.put(frame)
                    case Keep():
                        with self._lock:
                            if self._until is not None:
                                self._until = frame.held_until
                    case Answer():
                        self.answers.put(frame)
        finally:
            # The group is this process's own: the server began it with a session.
            os.killpg(0, signal.SIGKILL)

    def _waits(self) -> bool:
        """Return True when there is something to read, False when the lease is over."""
        while True:
            until = self._until
            left = _LOOK_SECONDS if until is None else min(_LOOK_SECONDS, until - time.monotonic())
            if left <= 0:
                return False
            if select.select([self._descriptor], [], [], left)[0]:
                return True


def main(memory_limit_bytes: int) -> None:
    """Do what comes, until the server lets go."""
    _limit_memory(memory_limit_bytes)
    words = os.dup(1)
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal's Ctrl-C, or a supervisor's stop, goes to the server, which decides about its workers.
        signal.signal(number, signal.SIG_IGN)
    tether = _Tether(0)
    told = f"it ran out of memory (limit {memory_limit_bytes} bytes, tasks.memory_limit_bytes)"

    def say(frame: FromWorker) -> None:
        write_all(words, pack(frame))

    while True:
        order = tether.orders.get()
        ended = _do(order, Talk(order, say, tether.answers), told)
        tether.idle()
        say(ended)


def _limit_memory(limit_bytes: int) -> None:
    """Let the kernel refuse more: the server looks once a second, and one burst would take the machine before that.

    Counted is private memory that may be written, used or not; files that are mapped are none of it.
    """
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit_bytes + _UNUSED_BYTES
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def _do(order: Order, talk: Talk, told_memory: str) -> Finished | Broken:
    module, _, name = order.entry.partition(":")
    try:
        run: Callable[[dict[str, Any], Talk], dict[str, Any]] = getattr(importlib.import_module(module), name)
        return Finished(run(order.arguments, talk))
    except CallFailedError as error:
        return Broken(error.answer.fault, error.answer.may_retry)
    except NagareError as error:
        if (cause := error.__cause__) is not None and _is_about_memory(cause):
            return Broken(_what_memory(cause, told_memory), is_memory=True)
        return Broken(error.message, isinstance(error, UnavailableError | StorageError))
    except Exception as error:  # the end of a worker's call stack, as the command line's main is of its own
        if _is_about_memory(error):
            return Broken(_what_memory(error, told_memory), is_memory=True)
        log.exception("worker_failed id=%s", order.id)
        return Broken(f"a bug of ours: {type(error).__name__}; the server's log has the rest")


def _is_about_memory(error: BaseException) -> bool:
    """Tell whether there was no memory: what DuckDB says then is no MemoryError, and this module loads no DuckDB."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"


def _what_memory(error: BaseException, told: str) -> str:
    """Return whose bound it was: DuckDB counts what it uses, and is refused more by the kernel as anybody is."""
    # Of its own bound it tells how much is in use.
    is_own = not isinstance(error, MemoryError) and " used)" in str(error)
    return "it ran out of memory (query.memory_limit_bytes)" if is_own else told


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    main(int(sys.argv[1]))
