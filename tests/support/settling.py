"""Waits until an app under test has done all that it had to do, for as long as that takes and no longer.

Textual's own wait sleeps for 20 ms until the process has used no CPU meanwhile, twice for each key, and asks each widget of
the screen for an answer: half of the time of our tests went by in it. Here the loop is looked at itself: the app is done
when nothing is ready to run, no timer is about to end, the screen is drawn, and no thread works.
"""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

import asyncio
import time
from typing import Any

import textual.app
import textual.pilot
from textual._context import active_app
from textual.pilot import Pilot

# As long as Textual's own wait, at least, sleeps: what is put off for so short a time is waited for.
_SOON_SECONDS = 0.02
# In so short a look no thread of ours may have worked for half of the time.
_LOOK_SECONDS = 0.001
# A task that another one woke may wake a third one, and each is ready in the turn after.
_QUIET_TURNS = 3


def settle_by_looking() -> None:
    """Have every pilot of this process wait so, from now on."""
    for user in (textual.pilot, textual.app):
        vars(user)["wait_for_idle"] = settled
    Pilot._wait_for_screen = _screen_settled  # type: ignore[method-assign, assignment]  # in place of its own


async def settled(_min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Return once the running app has nothing to do; at the latest after ``max_sleep`` seconds: some are never done."""
    ends_at = time.monotonic() + max_sleep
    while time.monotonic() < ends_at:
        await _turn_until_quiet(ends_at)
        if _draw():
            continue
        used = time.process_time()
        await asyncio.sleep(max(_LOOK_SECONDS, _soonest_seconds()))
        if time.process_time() - used < _LOOK_SECONDS / 2 and not _ready():
            return


async def _screen_settled(pilot: Pilot[Any], timeout: float = 30.0) -> bool:  # noqa: ASYNC109  the library's
    await settled(max_sleep=timeout)
    return not pilot.app._exception_event.is_set()


async def _turn_until_quiet(ends_at: float) -> None:
    quiet = 0
    while quiet < _QUIET_TURNS and time.monotonic() < ends_at:
        await asyncio.sleep(0)
        quiet = 0 if _ready() else quiet + 1


def _loop() -> Any:
    return asyncio.get_running_loop()


def _ready() -> bool:
    """Tell whether anything but the caller is to run now."""
    return bool(_loop()._ready)


def _draw() -> bool:
    """Draw the screen if its timer is to do so soon; return whether it was."""
    shown: list[Any] = active_app.get().screen_stack[-1:]
    due = [screen for screen in shown if screen._update_timer._active.is_set()]
    for screen in due:
        screen._on_timer_update()
    return bool(due)


def _soonest_seconds() -> float:
    """Return how long to wait for what a timer does next: nothing, unless that is soon."""
    loop = _loop()
    drawing = _drawing_futures()
    due = [
        handle.when() for handle in loop._scheduled if not handle.cancelled() and not drawing & set(handle._args or ())
    ]
    seconds = min(due, default=loop.time() + 1.0) - loop.time()
    return max(0.0, seconds) if seconds <= _SOON_SECONDS else 0.0


def _drawing_futures() -> set[Any]:
    """Return what the timers of screens sleep on: they draw sixty times a second, and here at once."""
    tasks = [screen._update_timer._task for screen in active_app.get().screen_stack]
    return {task._fut_waiter for task in tasks if task is not None}  # type: ignore[attr-defined]  # an inner part
