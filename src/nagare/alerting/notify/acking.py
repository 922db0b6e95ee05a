"""Acknowledging an incident by a link: what its page shows, and what its button does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.notify.links import AckLinks, Link, already, channel_digest
from nagare.lib.clock import Clock
from nagare.model.alert.alert import Alert, AlertState

_TAKEABLE = (AlertState.FIRING, AlertState.REOPENED)
_CAUSE = "acknowledged by the link in a notification"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link is about: the alerts of its incident as they are now, and who acknowledges them by it."""

    link: Link
    actor: str
    alerts: Sequence[Alert]

    @property
    def takeable(self) -> Sequence[Alert]:
        """Return those that nobody has in hand yet."""
        return [alert for alert in self.alerts if alert.state in _TAKEABLE]


class Acking:
    """The verbs of links."""

    def __init__(
        self,
        links: AckLinks,
        board: Board,
        clock: Clock,
        alerts_of: Callable[[str], Awaitable[Sequence[Alert]]],
        channels: Callable[[], Collection[str]],
    ) -> None:
        """Keep the neighbours; ``alerts_of`` returns the alerts of an incident, ``channels`` the keys of channels that there are."""
        self.links = links
        self._board = board
        self._clock = clock
        self._alerts_of = alerts_of
        self._channels = channels

    async def look(self, token: str) -> Shown:
        """Return what a link is about; nothing is changed.

        Raises PermissionDeniedError for one that is forged or over, ConflictError for one that was used.
        """
        link, used = await self.links.find(token)
        if used is not None and used.done_ms is not None:
            raise already(used)
        return await self._shown(link)

    async def take(self, token: str) -> Shown:
        """Acknowledge what is active of the incident; return it as it is then. Raises as ``look`` does."""
        link, _ = await self.links.find(token)
        actor = self._actor(link)
        await self.links.begin(link, actor)
        now_ms = self._clock.now_ms()
        for alert in (await self._shown(link)).takeable:
            await self._board.change(alert.id, lambda one: lifecycle.acknowledge(one, actor, _CAUSE, now_ms))
        await self.links.finish(link)
        return await self._shown(link)

    async def _shown(self, link: Link) -> Shown:
        alerts = [alert for alert in await self._alerts_of(link.incident) if alert.is_active]
        return Shown(link, self._actor(link), alerts)

    def _actor(self, link: Link) -> str:
        channel = next((key for key in self._channels() if channel_digest(key) == link.channel), link.channel)
        return f"link {channel}"
