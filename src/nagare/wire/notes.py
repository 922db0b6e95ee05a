"""Notes on hosts over HTTP."""

from __future__ import annotations

import msgspec


class NoteRequest(msgspec.Struct, frozen=True):
    """A note to write down."""

    text: str


class NoteView(msgspec.Struct, frozen=True):
    """A note: who wrote it, and when (RFC 3339)."""

    id: str
    at: str
    author: str
    text: str


class NoteList(msgspec.Struct, frozen=True):
    """``GET /api/v1/hosts/{name}/notes``: notes, the newest first."""

    notes: list[NoteView]
