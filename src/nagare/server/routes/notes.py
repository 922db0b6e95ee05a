"""Notes on hosts: writing, reading and removing them."""

from __future__ import annotations

from nagare.lib.rfc3339 import format_ms
from nagare.model.host import Host
from nagare.model.note import HostNote
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import check_sees
from nagare.wire.notes import NoteList, NoteRequest, NoteView


async def list_notes(call: Call) -> NoteList:
    """Return the notes on a host."""
    return NoteList([_view(note) for note in call.services.notes.of(_host(call, Permission.HOSTS_READ))])


async def add_note(call: Call) -> NoteView:
    """Write a note down."""
    host, request = _host(call, Permission.HOSTS_WRITE), call.value
    note = await call.services.notes.add(host, request.text, call.principal.name)
    call.note.tell(host.name, after={"id": note.id, "text": note.text})
    call.services.fleet.announce(host.name)
    return _view(note)


async def remove_note(call: Call) -> None:
    """Forget a note."""
    host = _host(call, Permission.HOSTS_WRITE)
    note = await call.services.notes.remove(host, call.path("id"))
    call.note.tell(host.name, before={"id": note.id, "text": note.text})
    call.services.fleet.announce(host.name)


def _host(call: Call, permission: Permission) -> Host:
    name, fleet = call.path("name"), call.services.fleet
    if call.principal.scope_of(permission) is not None:
        check_sees(call.principal, fleet, permission, name)
    return fleet.get(name)


def _view(note: HostNote) -> NoteView:
    return NoteView(note.id, format_ms(note.at_ms), note.author, note.text)


_ALL = "/api/v1/hosts/{name}/notes"
ROUTES = (
    Route("GET", _ALL, list_notes, "Notes on a host", Permission.HOSTS_READ, reply=NoteList, is_scoped=True),
    Route(
        "POST", _ALL, add_note, "Write a note on a host down", Permission.HOSTS_WRITE,
        request=NoteRequest, reply=NoteView, action="notes.add", is_scoped=True,
    ),
    Route(
        "DELETE", f"{_ALL}/{{id}}", remove_note, "Forget a note", Permission.HOSTS_WRITE,
        action="notes.remove", is_scoped=True,
    ),
)  # fmt: skip
