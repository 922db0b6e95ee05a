"""The server process: runs until a signal asks it to end, then ends cleanly."""

from __future__ import annotations

import asyncio
import os
import signal

from nagare.config.reloads import Reloads
from nagare.config.settings import Settings
from nagare.lib.garbage import calm_collector
from nagare.server.lifecycle import serving
from nagare.server.running.exit_guard import guard_exit
from nagare.server.running.process_limits import prepare_process

# How long the interpreter may wait for threads once everything is closed.
_THREADS_SECONDS = 2.0
# What the process then ends with after an error: its own code would be told by the command line, which was not reached.
_BROKEN = 70


async def run_server(settings: Settings, reloads: Reloads | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop within the deadlines. A second signal exits at once.

    Scrape jobs of ``reloads`` are taken up at once. The process must end after it: threads that do not return are left behind then. Raises LockedError when another
    process serves the data directory, and what starting may raise.
    """
    prepare_process(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _asked_to_stop, number, stop)
    try:
        async with serving(settings) as running:

            def take_up(wanted: Settings) -> None:
                loop.call_soon_threadsafe(running.services.scraper.apply, wanted.scrape)

            with calm_collector(), (reloads or Reloads()).heard_by(take_up):
                await stop.wait()
    except BaseException:
        guard_exit(_THREADS_SECONDS, _BROKEN)
        raise
    else:
        guard_exit(_THREADS_SECONDS)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _asked_to_stop(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
