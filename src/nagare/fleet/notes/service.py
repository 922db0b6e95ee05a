"""Notes on hosts: bounded, one line each, kept in memory and written through."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Self

from nagare.errors import InputError, LimitExceededError, NotFoundError
from nagare.fleet.notes.store import NoteStore
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.host import Host
from nagare.model.note import HostNote
from nagare.records.engine import Records

TEXT_LIMIT = 1000
NOTES_LIMIT = 100


class Notes:
    """The notes of this installation; ``async with`` loads them."""

    def __init__(self, records: Records, clock: Clock) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = NoteStore(records)
        self._clock = clock
        self._notes: dict[str, list[HostNote]] = {}

    async def __aenter__(self) -> Self:
        """Load the notes."""
        for note in await self._store.load():
            self._notes.setdefault(note.host_id, []).append(note)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; everything is written already."""

    def of(self, host: Host) -> list[HostNote]:
        """Return the notes on ``host``, the newest first."""
        return self._notes.get(host.id, [])[::-1]

    def newest(self, host: Host) -> str:
        """Return the newest note on ``host`` with who wrote it, empty when there is none."""
        found = self._notes.get(host.id)
        return f"{found[-1].text} ({found[-1].author})" if found else ""

    async def add(self, host: Host, text: str, author: str) -> HostNote:
        """Write a note down; what would steer a terminal is made visible. Raises InputError, LimitExceededError."""
        cleaned = plain(text).strip()
        if not 0 < len(cleaned) <= TEXT_LIMIT:
            raise InputError(
                f"cannot write note: 1 to {TEXT_LIMIT} characters are lawful",
                errors=[{"pointer": "#/text", "detail": f"1 to {TEXT_LIMIT} characters"}],
            )
        if len(self._notes.get(host.id, ())) >= NOTES_LIMIT:
            raise LimitExceededError(
                f"cannot write note: host {host.name!r} has {NOTES_LIMIT} already",
                hint=f"remove one: nagare hosts note {host.name} --remove ID",
            )
        note = HostNote(uuid.uuid4().hex, host.id, self._clock.now_ms(), author, cleaned)
        await self._store.add(note)
        self._notes.setdefault(host.id, []).append(note)
        return note

    async def remove(self, host: Host, note_id: str) -> HostNote:
        """Forget a note and return what it was. Raises NotFoundError."""
        found = next((note for note in self.of(host) if note.id == note_id), None)
        if found is None:
            raise NotFoundError(f"cannot find note {note_id[:40]!r}: host {host.name!r} has none of that id")
        await self._store.remove(note_id)
        self._notes[host.id] = [note for note in self._notes[host.id] if note.id != note_id]
        return found

    async def forget(self, host_id: str) -> None:
        """Forget a host that was removed."""
        self._notes.pop(host_id, None)
        await self._store.forget(host_id)
