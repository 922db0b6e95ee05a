"""Calls about what people do with hosts: notes, and maintenance windows."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.groups import GroupList, GroupView
from nagare.wire.maintenance import WindowList, WindowRequest, WindowView
from nagare.wire.notes import NoteList, NoteRequest, NoteView

_WINDOWS = "/api/v1/maintenance"


class Upkeep:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def groups(self) -> list[GroupView]:
        """Return the groups of hosts, by name, each with its hosts."""
        return (await self._client.fetch("/api/v1/groups", GroupList)).groups

    async def notes(self, host: str) -> list[NoteView]:
        """Return the notes on a host, the newest first. Raises NotFoundError."""
        return (await self._client.fetch(_notes(host), NoteList)).notes

    async def add_note(self, host: str, text: str) -> NoteView:
        """Write a note down. Raises NotFoundError."""
        return await self._client.send("POST", _notes(host), NoteRequest(text), NoteView)

    async def remove_note(self, host: str, note_id: str) -> None:
        """Forget a note. Raises NotFoundError."""
        await self._client.send("DELETE", f"{_notes(host)}/{path_name(note_id)}", None, None)

    async def windows(self) -> list[WindowView]:
        """Return every maintenance window, in the order in which they were made."""
        return (await self._client.fetch(_WINDOWS, WindowList)).windows

    async def make_window(self, request: WindowRequest) -> WindowView:
        """Make a maintenance window."""
        return await self._client.send("POST", _WINDOWS, request, WindowView)

    async def end_window(self, window_id: str) -> None:
        """End a maintenance window for good. Raises NotFoundError."""
        await self._client.send("DELETE", f"{_WINDOWS}/{path_name(window_id)}", None, None)


def _notes(host: str) -> str:
    return f"/api/v1/hosts/{path_name(host)}/notes"
