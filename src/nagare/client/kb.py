"""Calls about the knowledge base: its sources, and questions to it."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.kb import AddRequest, PassageView, SearchReply, SearchRequest, SourceList, SourceView, SyncReply

_KB = "/api/v1/kb"


class KbCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def sources(self) -> list[SourceView]:
        """Return every source, the shipped one first."""
        return (await self._client.fetch(_KB, SourceList)).sources

    async def add(self, directory: str, name: str = "") -> SyncReply:
        """Have a directory of the server's machine read. Raises InputError, PermissionDeniedError, ConflictError."""
        return await self._client.send("POST", _KB, AddRequest(directory, name), SyncReply)

    async def sync(self, name: str) -> SyncReply:
        """Have a source read again. Raises NotFoundError, InputError."""
        return await self._client.send("POST", f"{_KB}/{path_name(name)}/sync", None, SyncReply)

    async def remove(self, name: str) -> None:
        """Forget a source with its pages. Raises NotFoundError."""
        await self._client.send("DELETE", f"{_KB}/{path_name(name)}", None, None)

    async def search(self, text: str, limit: int = 10, source: str = "") -> list[PassageView]:
        """Return the passages that fit, the best first; none where nothing does."""
        request = SearchRequest(text, limit, source)
        return (await self._client.send("POST", f"{_KB}/search", request, SearchReply)).passages
