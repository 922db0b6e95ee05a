"""One dashboard that runs for one page: what it draws goes to the page, what is typed there comes to it.

A page may go and come back: the dashboard lives on meanwhile, what it draws is let go, and it draws anew for the page.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from nagare.errors import InputError, NagareError
from nagare.lib.clock import Clock
from nagare.model.principal import Principal
from nagare.server.ui.child import Child
from nagare.server.ui.packets import DATA, TOLD
from nagare.server.ui.page import Page
from nagare.wire.ui import DeskEnded, DeskFile, DeskOpened, Fault, Focus, Given, Left, PageFrame, Resize, decode_told

_LEFT = "you left the dashboard"
_ELSEWHERE = "the dashboard was opened in another page"


@dataclass(slots=True)
class Desk:
    """A dashboard, whose it is, and the page that shows it."""

    owner: Principal
    address: str
    secret: str = field(repr=False)
    clock: Clock
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    child: Child | None = None
    page: Page | None = None
    # Why it ends, once that is settled.
    why: str = ""
    opened: float = 0.0
    typed: float = 0.0
    # Since when it has no page.
    alone: float | None = None
    sent_bytes: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin to count."""
        self.opened = self.typed = self.clock.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return self.clock.monotonic() - self.opened

    async def sit(self, page: Page, columns: int, rows: int, *, is_new: bool) -> None:
        """Show it in ``page``; one that shows it now ends. Raises ConnectionError when the page went already."""
        previous, self.page, self.alone = self.page, page, None
        self.typed = self.clock.monotonic()
        if previous is not None:
            previous.end(DeskEnded(_ELSEWHERE, is_refused=True))
        await page.tell(DeskOpened(self.id, is_new))
        if not is_new and self.child is not None:
            await self.child.tell(type="resize", width=columns, height=rows)
            await self.child.tell(type="repaint")

    def leave(self, page: Page) -> None:
        """Note that ``page`` went."""
        if self.page is page:
            self.page, self.alone = None, self.clock.monotonic()

    async def type(self, keys: bytes) -> None:
        """Pass on what was typed; waits while the dashboard takes nothing."""
        self.typed = self.clock.monotonic()
        if self.child is not None:
            await self.child.type(keys)

    async def obey(self, frame: PageFrame) -> None:
        """Do what the page says beside keys. Raises InputError for what only begins a page."""
        assert self.child is not None
        match frame:
            case Resize():
                await self.child.tell(type="resize", width=frame.columns, height=frame.rows)
            case Focus():
                await self.child.tell(type="focus" if frame.is_focused else "blur")
            case _:
                raise InputError("cannot open again: this page has its dashboard")

    async def draw(self) -> None:
        """Pass on what the dashboard draws and tells, until it ends."""
        assert self.child is not None
        try:
            async for kind, payload in self.child.packets():
                if kind == DATA:
                    await self._show(payload)
                elif kind == TOLD:
                    await self._hear(payload)
        except InputError as error:
            self.why = self.why or error.message

    async def _show(self, paint: bytes) -> None:
        page = self.page
        if page is None:
            return
        try:
            await page.show(paint)
            self.sent_bytes += len(paint)
        except ConnectionError:
            self.leave(page)

    async def _hear(self, payload: bytes) -> None:
        try:
            told = decode_told(payload)
        except NagareError:
            return  # the framework tells of more than concerns us
        match told:
            case Left():
                self.why = self.why or _LEFT
            case Fault() if self.why in ("", _LEFT):
                self.why = f"the dashboard failed: {told.why}"
            case Given():
                if self.page is not None:
                    await self._give(self.page, DeskFile(told.name, told.content))

    async def _give(self, page: Page, file: DeskFile) -> None:
        try:
            await page.tell(file)
        except ConnectionError:
            self.leave(page)
