"""Which server a command speaks to, and with which token: the configured one, else this installation's own.

Reads files only; nothing here opens a connection or loads a network library.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nagare.client.login_keeper import LoginKeeper
from nagare.client.logins import Logins
from nagare.client.owner import find_owner
from nagare.config.files import logins_folder
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError, ConnectFailedError, InputError, PermissionDeniedError
from nagare.wire.codec import decode
from nagare.wire.system import ServerNote

_TOKEN_LIMIT_BYTES = 4096
# Bits that let group or others read.
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class Target:
    """A server and the token to show it; ``pin`` is the SHA-256 of its public key in hex, ``next_pins`` of those to come."""

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None
    pin: str = ""
    # What renews the token, when it is a user's login.
    login: LoginKeeper | None = field(default=None, repr=False, compare=False)
    next_pins: tuple[str, ...] = ()


FindTarget = Callable[[], Target]


def find_target(settings: Settings) -> Target:
    """Return where commands go. Raises ConnectFailedError when no server runs, ConfigError, PermissionDeniedError."""
    client = settings.client
    places = Places(settings.data)
    if not client.server:
        try:
            note = read_server_note(places)
        except ConnectFailedError:
            if (target := _only_login(settings)) is None:
                raise
            return target
        token = read_token(client.token_file or places.token)
        return Target(note.url, token, client.ca_file or (Path(note.ca) if note.ca else None), note.pin)
    if client.token_file is not None:
        return Target(client.server, read_token(client.token_file), client.ca_file)
    # The local token is for the local server only: it is never shown to another address.
    token = local_token_for(client.server, places)
    target = None if token else _login(settings, client.server)
    return target or Target(client.server, token, client.ca_file)


def logins_of(settings: Settings) -> Logins:
    """Return the logins of this user."""
    return Logins(settings.client.logins or logins_folder(), wants_keyring=settings.client.keyring)


def _only_login(settings: Settings) -> Target | None:
    """Return the one server that this user has logged in to, on a machine without an installation of its own."""
    urls = [] if settings.data.exists() else logins_of(settings).urls()
    return _login(settings, urls[0]) if len(urls) == 1 else None


def _login(settings: Settings, url: str) -> Target | None:
    logins = logins_of(settings)
    login = logins.find(url)
    if login is None:
        return None
    ca_file = settings.client.ca_file or (Path(login.ca_file) if login.ca_file else None)
    return Target(login.url, login.access, ca_file, login.pin, LoginKeeper(logins, login))


def local_token_for(url: str, places: Places) -> str:
    """Return the installation's own token if ``url`` is its live server, else nothing."""
    try:
        note = read_server_note(places)
    except ConnectFailedError:
        return ""
    return read_token(places.token) if note.url.rstrip("/") == url.rstrip("/") else ""


def read_server_note(places: Places) -> ServerNote:
    """Return what the live server of this installation wrote about itself.

    Raises ConnectFailedError when there is none, or when the one that wrote it is dead.
    """
    try:
        note = decode(places.server_note.read_bytes(), ServerNote)
    except FileNotFoundError as error:
        raise _none_runs(places, "none is running") from error
    except PermissionError as error:
        raise PermissionDeniedError(
            f"cannot reach the server of {places.data}: {places.server_note} is not readable",
            hint="run the command as the user that started the server, or give --server and a token file",
        ) from error
    except OSError as error:
        raise _none_runs(places, (error.strerror or "its note cannot be read").lower()) from error
    except InputError as error:
        raise _none_runs(places, f"{places.server_note} does not read back") from error
    # The number may have gone to a stranger meanwhile; the lock tells the truth, for the kernel keeps it.
    if not _is_alive(note.pid) or (places.lock.exists() and find_owner(places.lock) is None):
        raise _none_runs(places, f"it ended without a clean stop (pid {note.pid})")
    return note


def read_token(path: Path) -> str:
    """Return the token in ``path``. Raises ConfigError when it is unusable or others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_TOKEN_LIMIT_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"cannot read token {path}: no such file", hint="start the server once, it makes one"
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot read token {path}: {(error.strerror or 'unreadable').lower()}") from error
    if mode & _READABLE_BY_OTHERS:
        raise ConfigError(
            f"cannot use token {path}: others may read it (mode {stat.S_IMODE(mode):04o})", hint=f"chmod 600 {path}"
        )
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or len(content) > _TOKEN_LIMIT_BYTES or not token.isprintable() or " " in token:
        raise ConfigError(
            f"cannot use token {path}: it holds no token", hint="a token is one line of letters and digits"
        )
    return token


def _none_runs(places: Places, cause: str) -> ConnectFailedError:
    return ConnectFailedError(f"cannot reach the server of {places.data}: {cause}", hint="start it with: nagare up")


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # alive, but another user's
    return True
