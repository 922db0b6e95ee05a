"""Calls about the keys that sign commands."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.wire.command_keys import CommandKeysView, RotateCommandKey

_KEYS = "/api/v1/commands/signing-keys"


class CommandKeyCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def view(self) -> CommandKeysView:
        """Return the keys that hosts are told of, and how far a change is."""
        return await self._client.fetch(_KEYS, CommandKeysView)

    async def rotate(self, confirm: str, *, at_once: bool) -> CommandKeysView:
        """Replace the key of the id ``confirm``, which signs now. Raises ConflictError for another one."""
        return await self._client.send("POST", f"{_KEYS}/rotate", RotateCommandKey(confirm, at_once), CommandKeysView)
