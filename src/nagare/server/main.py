"""The server process: runs until a signal asks it to end, then ends cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from nagare.config.settings import Settings
from nagare.lib.log_setup import set_up_logging
from nagare.server.lifecycle import serving


async def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop within the deadlines. A second signal exits at once.

    Raises LockedError when another process serves the data directory, and what starting may raise.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _asked_to_stop, number, stop)
    try:
        async with serving(settings):
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def main(settings: Settings) -> None:
    """Run the server on the fastest loop there is; logs go to stderr. Ends normally after a clean stop."""
    set_up_logging(settings.log.level, settings.log.format)
    if sys.platform == "win32":
        asyncio.run(run_server(settings))
        return
    import uvloop  # noqa: PLC0415  not on every system

    uvloop.run(run_server(settings))


def _asked_to_stop(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
