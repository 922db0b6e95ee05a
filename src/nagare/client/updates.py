"""Calls about updates of agents: publishing, rollouts, and what an agent asks."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.rollouts import (
    PublishRequest,
    RolloutList,
    RolloutRequest,
    RolloutView,
    UpdateOffer,
    UpdateReport,
    UpdatesView,
)

_UPDATES, _AGENT = "/api/v1/updates", "/api/v1/agent/update"


class UpdateCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Speak through ``client``."""
        self._client = client

    async def ask(self, report: UpdateReport) -> UpdateOffer:
        """Tell what this host runs, and return what it shall try now."""
        return await self._client.send("POST", _AGENT, report, UpdateOffer)

    async def fetch_piece(self, sha256: str, offset: int) -> bytes:
        """Return the piece of a bundle that begins at ``offset``; empty at its end."""
        return await self._client.fetch_bytes(f"{_AGENT}/{path_name(sha256)}", {"offset": str(offset)})

    async def published(self) -> UpdatesView:
        """Return what is published."""
        return await self._client.fetch(_UPDATES, UpdatesView)

    async def upload(self, sha256: str, content: bytes) -> None:
        """Send a bundle for the list that will name it."""
        await self._client.put_bytes(f"{_UPDATES}/files/{path_name(sha256)}", content)

    async def publish(self, request: PublishRequest) -> UpdatesView:
        """Publish. Raises UpdateRefusedError with the reason."""
        return await self._client.send("POST", _UPDATES, request, UpdatesView)

    async def rollouts(self) -> list[RolloutView]:
        """Return rollouts, the newest first."""
        return (await self._client.fetch(f"{_UPDATES}/rollouts", RolloutList)).rollouts

    async def start(self, request: RolloutRequest) -> RolloutView:
        """Start a rollout."""
        return await self._client.send("POST", f"{_UPDATES}/rollouts", request, RolloutView)

    async def change(self, rollout_id: str, verb: str) -> RolloutView:
        """Pause, resume or abort a rollout."""
        return await self._client.send("POST", f"{_UPDATES}/rollouts/{path_name(rollout_id)}/{verb}", None, RolloutView)
