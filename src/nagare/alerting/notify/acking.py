"""Acknowledging an incident by a link: what its page shows, and what its button does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from nagare.alerting.notify.links import AckLinks, Link, already, channel_digest
from nagare.errors import ConflictError, PermissionDeniedError
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.principal import Principal

_TAKEABLE = (AlertState.FIRING, AlertState.REOPENED)
_CAUSE = "acknowledged by the link in a notification"

# Puts an alert into the hands of somebody, who says why; raises ConflictError.
Acknowledge = Callable[[Alert, Principal, str], Awaitable[Alert]]


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
        acknowledge: Acknowledge,
        alerts_of: Callable[[str], Awaitable[Sequence[Alert]]],
        channels: Callable[[], Collection[str]],
    ) -> None:
        """Keep the neighbours; ``alerts_of`` returns the alerts of an incident, ``channels`` the keys of channels that there are."""
        self.links = links
        self._acknowledge = acknowledge
        self._alerts_of = alerts_of
        self._channels = channels

    async def look(self, token: str) -> Shown:
        """Return what a link is about; nothing is changed.

        Raises PermissionDeniedError for one that is forged or over, or whose channel is gone, ConflictError for one that was used.
        """
        link, used = await self.links.find(token)
        actor = self._actor(link)
        if used is not None and used.done_ms is not None:
            raise already(used)
        return await self._shown(link, actor)

    async def take(self, token: str) -> Shown:
        """Acknowledge what is active of the incident; return it as it is then. Raises as ``look`` does."""
        link, _ = await self.links.find(token)
        actor = self._actor(link)
        await self.links.begin(link, actor)
        holder = Principal(id=link.id[:32], name=actor)
        for alert in (await self._shown(link, actor)).takeable:
            await self._take_one(link, alert, holder)
        await self.links.finish(link)
        return await self._shown(link, actor)

    async def _take_one(self, link: Link, alert: Alert, holder: Principal) -> None:
        try:
            await self._acknowledge(alert, holder, _CAUSE)
        except ConflictError:
            # Where somebody was first, or it is over, nothing is left to be done.
            if alert.id in {one.id for one in (await self._shown(link, holder.name)).takeable}:
                raise

    async def _shown(self, link: Link, actor: str) -> Shown:
        alerts = [alert for alert in await self._alerts_of(link.incident) if alert.is_active]
        return Shown(link, actor, alerts)

    def _actor(self, link: Link) -> str:
        """Return who acknowledges by a link. Raises PermissionDeniedError for one whose channel is gone, and with it who had it."""
        channel = next((key for key in self._channels() if channel_digest(key) == link.channel), None)
        if channel is None:
            raise PermissionDeniedError("cannot open link: the channel that it was sent by is not there any more")
        return f"link {channel}"
