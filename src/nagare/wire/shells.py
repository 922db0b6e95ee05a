"""Shells on hosts, as who opens one tells the server: the connection itself comes by the server only where that is asked for (``tunnels``)."""

from __future__ import annotations

import msgspec


class ShellRequest(msgspec.Struct, frozen=True):
    """Somebody is about to open a shell on a host."""

    host: str


class ShellView(msgspec.Struct, frozen=True):
    """An open shell, and what operators noted of the way to its host: what is empty (or 0) is not known.

    ``is_recorded``: the installation asks for a recording. ``again_seconds``: how soon the shell has to tell that it is
    still open; one that does not for several times as long counts as over. ``may_tunnel``: the server would carry the
    connection (``/ws/ssh/{host}``).
    """

    id: str
    host: str
    address: str = ""
    port: int = 0
    user: str = ""
    jump: str = ""
    is_recorded: bool = False
    again_seconds: float = 15.0
    may_tunnel: bool = False


class ShellEnd(msgspec.Struct, frozen=True):
    """How a shell ended: its status, or a signal, or ``why`` it did not come to that; and what was recorded of it.

    ``recording_sha256`` (hex) proves later that a recording is the one that was made.
    """

    status: int | None = None
    signal: str = ""
    why: str = ""
    recording_sha256: str = ""
    recording_bytes: int = 0
