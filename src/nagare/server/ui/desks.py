"""The dashboards of browsers that run: how many, for whom, how long, and each of them on record.

A dashboard acts by a pass of its user's login. When the login ends, or its rights change, the pass ends in the same moment
and the program after it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nagare.config.settings import Settings
from nagare.errors import LimitExceededError, NagareError, UnavailableError
from nagare.identity.passes import Passes
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor
from nagare.model.deed import Deed, Outcome
from nagare.model.principal import Permission, Principal
from nagare.server.ui.child import Child
from nagare.server.ui.desk import Desk
from nagare.server.ui.page import Page
from nagare.server.ui.rights import allowed
from nagare.wire.ui import DeskEnded, HandOver, OpenDesk

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_STOP_SECONDS = 5.0
Record = Callable[[Deed], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a dashboard asks: the address at which its page came in, and the keys by which to know the server."""

    url: str
    pin: str = ""
    next_pins: tuple[str, ...] = ()


class Desks:
    """The dashboards of this server. ``run`` ends those that nobody uses; ``async with`` owns their programs."""

    def __init__(self, settings: Settings, passes: Passes, record: Record, clock: Clock) -> None:
        """Begin with none; ``record`` writes to the audit log."""
        self._settings = settings
        self._passes = passes
        self._record = record
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._tasks = TaskSupervisor(clock=clock, stop_seconds=_STOP_SECONDS)
        self._is_closing = False
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Take pages."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every dashboard."""
        self.close()
        for desk in list(self._desks.values()):
            await self._over(desk)
        await self._tasks.stop()

    def __len__(self) -> int:
        """How many run."""
        return len(self._desks)

    @property
    def desks(self) -> list[Desk]:
        """Those that run."""
        return list(self._desks.values())

    async def open(self, page: Page, caller: Principal, address: str, wanted: OpenDesk, door: Door) -> Desk:
        """Show ``page`` the dashboard that it had, or a new one.

        Raises LimitExceededError, UnavailableError, StorageError when it cannot be recorded, ConnectionError when the page went.
        """
        desk = self._desks.get(wanted.desk)
        if desk is not None and desk.owner.session_id == caller.session_id and not desk.why:
            self.counters.add("desks_returned")
            await desk.sit(page, wanted.columns, wanted.rows, is_new=False)
            return desk
        self._check_room(caller)
        permissions = allowed(caller, shells=self._lets_shells)
        secret = self._passes.issue(caller.session_id, permissions, address)
        desk = Desk(caller, address, secret, self._clock)
        # It counts before anything is awaited, so that a crowd that comes at one time is one.
        self._desks[desk.id] = desk
        try:
            await self._record(_begun(desk))
        except BaseException:
            self._passes.end(secret)
            del self._desks[desk.id]
            raise
        self.counters.add("desks_opened")
        told = self._hand_over(secret, wanted, door, has_shells=Permission.SHELLS_OPEN in permissions)
        await self._start(desk, told, wanted)
        await desk.sit(page, wanted.columns, wanted.rows, is_new=True)
        return desk

    def end_principals(self, ids: set[str]) -> None:
        """End the dashboards of logins that ended, or whose rights changed."""
        for desk in self.desks:
            if desk.owner.session_id in ids:
                self.end(desk, "your login ended, or what you may has changed")

    def end(self, desk: Desk, why: str) -> None:
        """End a dashboard; from this moment on it may nothing."""
        desk.why = desk.why or why
        self._passes.end(desk.secret)
        if desk.child is not None:
            self._tasks.start("ui.end", self._kill(desk.child))

    def close(self) -> None:
        """Take no more pages, and let those that are open end."""
        self._is_closing = True
        for desk in self.desks:
            desk.why = desk.why or "the server stops"
            if desk.page is not None:
                desk.page.end(DeskEnded(desk.why))

    async def run(self) -> None:
        """End what nobody uses any more, until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            self.end_unused()

    def end_unused(self) -> None:
        """End the dashboards in which nobody types, and those whose page did not come back."""
        now, settings = self._clock.monotonic(), self._settings.ui
        for desk in self.desks:
            if desk.alone is not None and now - desk.alone > settings.grace_seconds:
                self.end(desk, "its page did not come back")
            elif now - desk.typed > settings.idle_seconds:
                self.end(desk, f"nobody used it for {settings.idle_seconds / 60:g} minutes")

    async def _start(self, desk: Desk, told: HandOver, wanted: OpenDesk) -> None:
        try:
            desk.child = await Child.start(told, wanted.columns, wanted.rows)
        except BaseException:
            desk.why = desk.why or "it could not be started"
            self._tasks.start("ui.desk", self._over(desk))
            raise
        self._tasks.start("ui.desk", self._live(desk))
        if desk.why:
            # Its login ended meanwhile.
            self.end(desk, desk.why)

    async def _live(self, desk: Desk) -> None:
        await desk.draw()
        await self._over(desk)

    async def _over(self, desk: Desk) -> None:
        self._passes.end(desk.secret)
        how = await desk.child.end() if desk.child is not None else ""
        if self._desks.pop(desk.id, None) is None:
            return
        desk.why = desk.why or f"its program ended: {how or 'without a word'}"
        self.counters.add("desks_ended")
        try:
            await self._record(_ended(desk))
        except NagareError as error:
            # A full disk must not keep a dashboard alive; the counter tells what is missing.
            self.counters.add("ends_not_recorded")
            log.warning("desk_end_not_recorded user=%s: %s", desk.owner.name, error.message)
        if desk.page is not None:
            desk.page.end(DeskEnded(desk.why))

    async def _kill(self, child: Child) -> None:
        await child.end()

    def _check_room(self, caller: Principal) -> None:
        settings = self._settings.ui
        if self._is_closing:
            raise UnavailableError("cannot open a dashboard: the server stops")
        own = sum(desk.owner.user_id == caller.user_id for desk in self.desks)
        if own >= settings.user_session_limit or len(self) >= settings.session_limit:
            self.counters.add("desks_refused")
            raise LimitExceededError(
                f"cannot open a dashboard: {own} of yours and {len(self)} of all are open",
                hint="leave one with q, or raise ui.user_session_limit or ui.session_limit",
            )

    @property
    def _lets_shells(self) -> bool:
        # A recording that somebody asks for would be made where nobody keeps it.
        return self._settings.ui.shells and not self._settings.ssh.record

    def _hand_over(self, secret: str, wanted: OpenDesk, door: Door, *, has_shells: bool) -> HandOver:
        top, authority = self._settings.top, self._settings.ssh.host_authority_file
        return HandOver(
            url=door.url,
            token=secret,
            pin=door.pin,
            next_pins=door.next_pins,
            zone=wanted.zone,
            theme=top.theme,
            ascii=top.ascii,
            bell=top.bell,
            frames_per_second=top.frames_per_second,
            keys=dict(top.keys),
            host_authority=str(authority) if authority is not None and has_shells else "",
            has_shells=has_shells,
        )


def _begun(desk: Desk) -> Deed:
    return _deed(desk, "ui.open", after={"id": desk.id[:8]})


def _ended(desk: Desk) -> Deed:
    after: dict[str, int | str] = {"id": desk.id[:8], "seconds": round(desk.seconds), "sent_bytes": desk.sent_bytes}
    return _deed(desk, "ui.end", after=after, detail=desk.why)


def _deed(desk: Desk, action: str, after: dict[str, int | str], detail: str = "") -> Deed:
    owner = desk.owner
    return Deed(
        action=action,
        outcome=Outcome.DONE,
        actor=owner.name,
        actor_id=owner.id,
        actor_kind=owner.kind.value,
        address=desk.address,
        target="dashboard",
        detail=detail,
        after=after,
    )
