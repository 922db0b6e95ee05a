"""Calls about models: whether they work, what was said to them, and forgetting it."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.models import ExchangeList, ExchangeView, Removed, TrialView

_LOG = "/api/v1/models/log"
# Of one answer; more come in pages.
_PAGE = 500


class ModelCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def check(self) -> TrialView:
        """Have the configured model asked whether it works."""
        return await self._client.send("POST", "/api/v1/models/check", None, TrialView)

    async def exchanges(self, limit: int = 50, diagnosis: str = "") -> list[ExchangeView]:
        """Return at most ``limit`` exchanges without their texts, the newest first."""
        found: list[ExchangeView] = []
        page = ""
        while len(found) < limit:
            query = {"diagnosis": diagnosis, "limit": str(min(limit - len(found), _PAGE)), "page": page}
            answer = await self._client.fetch(_LOG, ExchangeList, {name: text for name, text in query.items() if text})
            found += answer.exchanges
            if not answer.next:
                break
            page = answer.next
        return found

    async def exchange(self, id_: str) -> ExchangeView:
        """Return an exchange, whole. Raises NotFoundError."""
        return await self._client.fetch(f"{_LOG}/{path_name(id_)}", ExchangeView)

    async def forget(self, id_: str) -> None:
        """Forget an exchange. Raises NotFoundError."""
        await self._client.send("DELETE", f"{_LOG}/{path_name(id_)}", None, None)

    async def forget_all(self, diagnosis: str) -> int:
        """Forget what was said for a diagnosis; return how many exchanges."""
        return (await self._client.send("DELETE", f"/api/v1/diagnoses/{path_name(diagnosis)}/log", None, Removed)).count
