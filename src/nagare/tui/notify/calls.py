"""What screens ask about how people are told: the seam between them and the client's calls, which fit it as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nagare.wire.heartbeats import HeartbeatView
    from nagare.wire.notify import IncidentDetail, IncidentView, NotificationDetail, NotificationView, ReceiversView


class NotifySeam(Protocol):
    """Every call may raise NagareError."""

    async def notifications(self, limit: int = 100, **wanted: str) -> list[NotificationView]:
        """Return at most ``limit`` notifications, the newest first."""
        ...

    async def notification(self, notification_id: str) -> NotificationDetail:
        """Return a notification, what it tells, and its tries."""
        ...

    async def retry(self, notification_id: str) -> NotificationView:
        """Send one again that was given up."""
        ...

    async def drop(self, notification_id: str) -> NotificationView:
        """Give one up."""
        ...

    async def incidents(self, limit: int = 100, state: str = "") -> list[IncidentView]:
        """Return at most ``limit`` incidents, the newest first; ``state``: open or over."""
        ...

    async def incident(self, incident_id: str) -> IncidentDetail:
        """Return an incident, its alerts and its notifications."""
        ...

    async def receivers(self) -> ReceiversView:
        """Return routes, whom they tell, and who is on duty now."""
        ...

    async def test(self, receiver: str) -> list[NotificationView]:
        """Send a test on every channel of a receiver."""
        ...


class HeartbeatSeam(Protocol):
    """Every call may raise NagareError."""

    async def heartbeats(self) -> list[HeartbeatView]:
        """Return those that are waited for."""
        ...
