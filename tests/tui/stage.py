"""Opens the app over a seeded fleet with a clock that stands still, and reads what the screen shows."""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from nagare.config.settings import Settings
from nagare.config.terminal import TopSettings
from nagare.lib.clock import ManualClock
from nagare.tui.app import TopApp
from nagare.tui.location import parse_location
from tests.tui.fleet import NOW_MS, FleetSource, host_names

# Other work on the same cores may hold up what comes at once else.
_PATIENCE_SECONDS = 60.0
SIZES = ((80, 24), (120, 40), (200, 60))


@dataclass
class Scene:
    """An open app, its far end, its clock and the pilot of its keys."""

    app: TopApp
    source: FleetSource
    clock: ManualClock
    pilot: Pilot[Any]

    async def until(self, holds: Callable[[], bool], what: str = "the screen") -> None:
        """Let the app run until ``holds``; a minute at the most."""
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            await self.pilot.pause()
            if holds():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{what} never came; the screen shows:\n{self.text()}")

    async def shows(self, *words: str) -> None:
        """Wait until the screen shows all of ``words``."""
        await self.until(lambda: self._has(words), f"{words}")

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other has had its effect."""
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type ``text``."""
        await self.press(*("space" if letter == " " else letter for letter in text))

    def lines(self) -> list[str]:
        """Return what the screen shows, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    def text(self) -> str:
        """Return what the screen shows."""
        return "\n".join(self.lines())

    def _has(self, words: tuple[str, ...]) -> bool:
        text = self.text()
        return all(word in text for word in words)

    def put(self, *events: Any) -> None:
        """Have the far end send ``events``."""
        for event in events:
            self.source.queue.put_nowait(event)


def use_utc() -> None:
    """Make local time UTC for this process: screens show local times."""
    os.environ["TZ"] = "UTC"
    time.tzset()


def make_app(source: FleetSource, clock: ManualClock, location: str = "overview", **top: Any) -> TopApp:
    """Return an app that is not open yet."""
    settings = Settings(data=Path("/nonexistent"), top=replace(TopSettings(), **top), ssh=source.ssh)
    return TopApp(settings, parse_location(location), source=source, clock=clock)


@asynccontextmanager
async def scene(
    location: str = "overview",
    size: tuple[int, int] = (120, 40),
    hosts: int = 4,
    *,
    connect: bool = True,
    toasts: bool = False,
    source: FleetSource | None = None,
    **top: Any,
) -> AsyncIterator[Scene]:
    """Open the app at ``location``; with ``connect`` the far end has said hello and sent one frame a host.

    ``toasts``: what is told in passing is drawn too.
    """
    use_utc()
    clock = ManualClock(NOW_MS)
    source = source or FleetSource(host_names(hosts))
    if connect:
        source.connect()
    app = make_app(source, clock, location, **top)
    async with app.run_test(size=size, notifications=toasts) as pilot:
        opened = Scene(app, source, clock, pilot)
        await opened.until(lambda: app._feed is not None and app.page.is_mounted, "the first page")
        if connect:
            await opened.until(lambda: app.model.is_primed and "seed" in source.asked, "the fleet")
            await opened.until(lambda: app.focused is not None or not app.model.hosts or size[0] < 40, "the focus")
        yield opened
