"""The server process: runs until a signal asks it to end, then ends cleanly."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys

from nagare.config.settings import Settings
from nagare.server.lifecycle import serving
from nagare.server.running.exit_guard import guard_exit

# How long the interpreter may wait for threads once everything is closed.
_THREADS_SECONDS = 2.0
# What the process then ends with after an error: its own code would be told by the command line, which was not reached.
_BROKEN = 70
_SWITCH_SECONDS = 0.001
_FILES = 65_536


async def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop within the deadlines. A second signal exits at once.

    The process must end after it: threads that do not return are left behind then. Raises LockedError when another
    process serves the data directory, and what starting may raise.
    """
    _prepare_process()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _asked_to_stop, number, stop)
    try:
        async with serving(settings):
            await stop.wait()
    except BaseException:
        guard_exit(_THREADS_SECONDS, _BROKEN)
        raise
    else:
        guard_exit(_THREADS_SECONDS)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _prepare_process() -> None:
    # Query and decoding threads hold the interpreter; at its default of 5 ms each turn, /health took 270 ms beside them.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Often 1024, which a few hundred agents with their screens would use up; raising it to the hard limit is free.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _asked_to_stop(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
