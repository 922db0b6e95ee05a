"""The key that signs commands: one that is old, and hosts that do not know the one that follows."""

from __future__ import annotations

from datetime import datetime

from nagare.cli.offline.checks.verdict import Check, ok, warn
from nagare.client.client import Client
from nagare.client.command_keys import CommandKeyCalls
from nagare.errors import NotFoundError, PermissionDeniedError
from nagare.wire.command_keys import CommandKeysView

_DAY_SECONDS = 86_400
# Nothing wears it out; whoever could read the disk of years ago has it.
_OLD_DAYS = 365


async def command_checks(client: Client, now_ms: int) -> list[Check]:
    """Return what is to be said of the key of commands; nothing of a server that does not tell."""
    try:
        return [key_check(await CommandKeyCalls(client).view(), now_ms)]
    except (NotFoundError, PermissionDeniedError):
        return []


def key_check(view: CommandKeysView, now_ms: int) -> Check:
    """Return how old the key is that signs, and how far a change is."""
    days = (now_ms / 1000 - datetime.fromisoformat(view.keys[0].made_at).timestamp()) / _DAY_SECONDS
    seen = f"key {view.keys[0].id[:16]} signs, {max(0.0, days):.0f} days old"
    if view.stage != "settled":
        if view.hosts_behind:
            behind = (
                f"{seen}; {len(view.hosts_behind)} of {view.hosts} connected hosts did not say that they know the next"
            )
            return warn("command key", behind, f"update their agents before {view.next_step_at}")
        return ok("command key", f"{seen}; a change is {view.stage} until {view.next_step_at}")
    if days > _OLD_DAYS:
        return warn("command key", seen, "nagare commands keys rotate")
    return ok("command key", seen)
