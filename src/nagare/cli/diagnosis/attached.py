"""What was found to be behind alerts, for commands that show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nagare.errors import NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.diagnosis import DiagnosisBrief

# Of one alert, and of all together: the newest ones.
_EACH, _ALERTS = 5, 10


async def diagnoses_of(client: Client, alert_ids: Iterable[str]) -> list[DiagnosisBrief]:
    """Return the newest diagnoses of some alerts; none where the caller may see none, or the server is older than they are."""
    from nagare.client.diagnoses import DiagnosisCalls

    found: list[DiagnosisBrief] = []
    try:
        for alert_id in list(alert_ids)[:_ALERTS]:
            found += await DiagnosisCalls(client).diagnoses(_EACH, alert=alert_id)
    except (PermissionDeniedError, NotFoundError):
        return []
    return found
