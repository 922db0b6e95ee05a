"""Maintenance windows: making and ending them, and whether a host is in one.

They are kept in memory and written through. What is open is found out once a second, so that to ask costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from nagare.errors import LimitExceededError, NotFoundError
from nagare.fleet.maintenance.asked import make_window
from nagare.fleet.maintenance.rules import is_meant, is_open
from nagare.fleet.maintenance.store import WindowStore
from nagare.lib.clock import Clock
from nagare.model.host import Host
from nagare.model.maintenance import Window
from nagare.records.engine import Records
from nagare.wire.maintenance import WindowRequest

WINDOWS_LIMIT = 1000
# One that is over is shown for a while, for who wonders why nothing was said.
_SHOWN_MS = 30 * 86_400_000


class Maintenance:
    """The windows of this installation; ``async with`` loads them."""

    def __init__(self, records: Records, clock: Clock, groups_of: Callable[[Host], frozenset[str]]) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = WindowStore(records)
        self._clock = clock
        self._groups_of = groups_of
        self._windows: dict[str, Window] = {}
        self._open: tuple[Window, ...] = ()
        self._open_second = -1

    async def __aenter__(self) -> Self:
        """Load the windows."""
        self._windows = {window.id: window for window in await self._store.load()}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; everything is written already."""

    def windows(self) -> list[Window]:
        """Return every window, in the order in which they were made."""
        return list(self._windows.values())

    def get(self, window_id: str) -> Window:
        """Return the window of that id. Raises NotFoundError."""
        window = self._windows.get(window_id)
        if window is None:
            raise NotFoundError(f"cannot find maintenance window {window_id[:40]!r}: there is none of that id")
        return window

    def is_open(self, window: Window) -> bool:
        """Tell whether a window is open now."""
        return is_open(window, self._clock.now_ms())

    async def add(self, request: WindowRequest, made_by: str) -> Window:
        """Make a window. Raises InputError, and LimitExceededError when there are too many."""
        now_ms = self._clock.now_ms()
        window = make_window(request, made_by, now_ms)
        over = [
            one.id for one in self._windows.values() if one.until_ms is not None and one.until_ms < now_ms - _SHOWN_MS
        ]
        if len(self._windows) - len(over) >= WINDOWS_LIMIT:
            raise LimitExceededError(
                f"cannot make maintenance window: there are {WINDOWS_LIMIT} already",
                hint="end one: nagare hosts maintenance --end ID",
            )
        await self._store.add(window)
        if over:
            await self._store.remove(over)
        self._windows = {id_: one for id_, one in self._windows.items() if id_ not in over} | {window.id: window}
        self._open_second = -1
        return window

    async def end(self, window_id: str) -> Window:
        """Forget a window and return what it was. Raises NotFoundError."""
        window = self.get(window_id)
        await self._store.remove([window_id])
        self._windows.pop(window_id, None)
        self._open_second = -1
        return window

    def in_maintenance(self, host: Host, at_ms: int) -> Window | None:
        """Return a window that is open for ``host`` at that moment (Unix milliseconds), None when there is none."""
        second = at_ms // 1000
        if second != self._open_second:
            self._open = tuple(window for window in self._windows.values() if is_open(window, at_ms))
            self._open_second = second
        if not self._open:
            return None
        groups = self._groups_of(host)
        return next((window for window in self._open if is_meant(window.selector, host, groups)), None)
