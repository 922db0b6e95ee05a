"""Updates of agents: documents that end soon, so that no agent would take anything, and rollouts that stopped."""

from __future__ import annotations

from datetime import datetime

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.client.client import Client
from nagare.client.updates import UpdateCalls
from nagare.errors import NotFoundError, PermissionDeniedError
from nagare.wire.rollouts import RolloutView, UpdatesView

_DAY_SECONDS = 86_400
# Long enough to gather the people who hold the keys.
_WARN_DAYS = 14


async def update_checks(client: Client, now_ms: int) -> list[Check]:
    """Return what is to be said of updates; nothing where none were ever published."""
    calls = UpdateCalls(client)
    try:
        published, rollouts = await calls.published(), await calls.rollouts()
    except (NotFoundError, PermissionDeniedError):
        # A server from before there were any, or somebody who may not see them.
        return []
    return [*document_checks(published, now_ms), *rollout_checks(rollouts)]


def document_checks(published: UpdatesView, now_ms: int) -> list[Check]:
    """Return how long what is signed is still good; what the server renews itself is not waited for."""
    checks = []
    for document in published.documents:
        days = (datetime.fromisoformat(document.expires_at).timestamp() - now_ms / 1000) / _DAY_SECONDS
        if days <= 0:
            seen = f"{document.role} {document.version} has expired: no agent takes an update"
            checks.append(bad("updates", seen, _mend(document.role, is_own=document.is_own)))
        elif days < _WARN_DAYS and not document.is_own:
            seen = f"{document.role} {document.version} is good for {days:.0f} more days"
            checks.append(warn("updates", seen, _mend(document.role, is_own=False)))
    if published.documents and not checks:
        checks.append(ok("updates", f"{len(published.bundles)} bundles published, all signatures good"))
    return checks


def rollout_checks(rollouts: list[RolloutView]) -> list[Check]:
    """Return the rollout that stopped."""
    return [
        warn(
            "rollout",
            f"{view.version} is paused: {view.reason}",
            "nagare bundle rollout resume, or abort",
        )
        for view in rollouts
        if view.state == "paused"
    ]


def _mend(role: str, *, is_own: bool) -> str:
    if is_own:
        return "restart the server: it signs anew by itself"
    return f"sign a new {role} with its keys and publish it; see docs/how-to/update-agents.md"
