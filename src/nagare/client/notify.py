"""Calls about incidents, notifications and receivers."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.notify import (
    IncidentDetail,
    IncidentList,
    IncidentView,
    NotificationDetail,
    NotificationList,
    NotificationView,
    ReceiversView,
    TestedReceiver,
)

_NOTIFICATIONS, _INCIDENTS, _RECEIVERS = "/api/v1/notifications", "/api/v1/incidents", "/api/v1/receivers"
# Of one answer; more come in pages.
_PAGE = 500


class NotifyCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def notifications(self, limit: int = 100, **wanted: str) -> list[NotificationView]:
        """Return at most ``limit``, the newest first; ``wanted``: state, severity, incident, receiver, channel, since_ms."""
        found: list[NotificationView] = []
        page = ""
        while len(found) < limit:
            query = {**wanted, "limit": str(min(limit - len(found), _PAGE)), "page": page}
            answer = await self._client.fetch(_NOTIFICATIONS, NotificationList, _given(query))
            found += answer.notifications
            if not answer.next:
                break
            page = answer.next
        return found

    async def notification(self, notification_id: str) -> NotificationDetail:
        """Return a notification, what it tells, and its tries. Raises NotFoundError."""
        return await self._client.fetch(_path(notification_id), NotificationDetail)

    async def retry(self, notification_id: str) -> NotificationView:
        """Send one again that was given up. Raises NotFoundError, ConflictError for any other."""
        return await self._client.send("POST", f"{_path(notification_id)}/retry", None, NotificationView)

    async def drop(self, notification_id: str) -> NotificationView:
        """Give one up. Raises NotFoundError, ConflictError for one that neither waits nor is dead."""
        return await self._client.send("POST", f"{_path(notification_id)}/drop", None, NotificationView)

    async def incidents(self, limit: int = 100, state: str = "") -> list[IncidentView]:
        """Return at most ``limit``, the newest first; ``state``: open or over, both unless given."""
        found: list[IncidentView] = []
        page = ""
        while len(found) < limit:
            query = {"state": state, "limit": str(min(limit - len(found), _PAGE)), "page": page}
            answer = await self._client.fetch(_INCIDENTS, IncidentList, _given(query))
            found += answer.incidents
            if not answer.next:
                break
            page = answer.next
        return found

    async def incident(self, incident_id: str) -> IncidentDetail:
        """Return an incident, its alerts and its notifications. Raises NotFoundError."""
        return await self._client.fetch(f"{_INCIDENTS}/{path_name(incident_id)}", IncidentDetail)

    async def receivers(self) -> ReceiversView:
        """Return routes, whom they tell, and who is on duty now."""
        return await self._client.fetch(_RECEIVERS, ReceiversView)

    async def test(self, receiver: str) -> list[NotificationView]:
        """Send a test on every channel of a receiver; return what was made. Raises NotFoundError, InputError without a channel."""
        path = f"{_RECEIVERS}/{path_name(receiver)}/test"
        return (await self._client.send("POST", path, None, TestedReceiver)).notifications


def _path(notification_id: str) -> str:
    return f"{_NOTIFICATIONS}/{path_name(notification_id)}"


def _given(query: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in query.items() if text}
