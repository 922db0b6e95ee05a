"""The logins of this user: one file a server, 0600, replaced whole; the secrets in the keyring where there is one.

Several programs of one user share a login. Whoever renews it holds its lock and writes before it lets go, so that no
two spend the same refresh token; the kernel drops the lock of a program that was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nagare.errors import ConfigError, StorageError
from nagare.lib.atomic_file import write_atomic
from nagare.lib.names import path_name

_SERVICE = "nagare"
_SECRETS = ("access", "refresh")


@dataclass(frozen=True, slots=True)
class Login:
    """What a login to one server left: whose it is, its tokens, and how the server is trusted."""

    url: str
    user: str
    session: str
    access: str = field(repr=False)
    renew_ms: int
    refresh: str = field(repr=False)
    ca_file: str = ""
    pin: str = ""


class Logins:
    """The logins in ``folder`` (0700)."""

    def __init__(self, folder: Path, *, wants_keyring: bool = True) -> None:
        """Look there; ``wants_keyring`` lets new logins use the keyring when there is one."""
        self._folder = folder
        self._wants_keyring = wants_keyring

    def urls(self) -> list[str]:
        """Return the servers that there is a login for."""
        found = []
        for file in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            with contextlib.suppress(ConfigError):
                found.append(str(self._read(file)["url"]))
        return found

    def find(self, url: str) -> Login | None:
        """Return the login to that server. Raises ConfigError for a file that does not read, or that others may read."""
        file = self._file(url)
        if not file.exists():
            return None
        kept = self._read(file)
        if kept.pop("is_in_keyring", False):
            kept.update(_secrets_in_keyring(url))
        try:
            return Login(**kept)
        except TypeError as error:
            raise _unusable(file, "written by another version") from error

    def save(self, login: Login) -> bool:
        """Keep a login, durably; tell whether its secrets went into the keyring. Raises StorageError."""
        kept: dict[str, Any] = asdict(login)
        is_in_keyring = self._wants_keyring and _put_in_keyring(login)
        if is_in_keyring:
            kept = {name: value for name, value in kept.items() if name not in _SECRETS} | {"is_in_keyring": True}
        try:
            self._make_folder()
            write_atomic(self._file(login.url), json.dumps(kept).encode() + b"\n", mode=0o600)
        except OSError as error:
            raise StorageError(
                f"cannot keep login in {self._folder}: {(error.strerror or 'refused').lower()}"
            ) from error
        return is_in_keyring

    def remove(self, url: str) -> None:
        """Forget the login to that server."""
        _remove_from_keyring(url)
        self._file(url).unlink(missing_ok=True)

    @asynccontextmanager
    async def locked(self, url: str) -> AsyncIterator[None]:
        """Hold the lock of that login; waiting for another program leaves the loop free."""
        self._make_folder()
        waiting = _Waiting(self._file(url).with_suffix(".lock"))
        threads = ThreadPoolExecutor(1, thread_name_prefix="login-lock")
        try:
            await asyncio.get_running_loop().run_in_executor(threads, waiting.acquire)
            yield
        finally:
            waiting.release()
            threads.shutdown(wait=False)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:
            self._folder.chmod(0o700)

    def _file(self, url: str) -> Path:
        return self._folder / f"{path_name(normal(url))}.json"

    def _read(self, file: Path) -> dict[str, Any]:
        try:
            with file.open("rb") as opened:
                if os.fstat(opened.fileno()).st_mode & 0o077:
                    raise _unusable(file, "others may read it")
                kept = json.loads(opened.read(65536))
        except OSError as error:
            raise _unusable(file, (error.strerror or "unreadable").lower()) from error
        except ValueError as error:
            raise _unusable(file, "it does not read back") from error
        if not isinstance(kept, dict) or "url" not in kept:
            raise _unusable(file, "it holds no login")
        return kept


class _Waiting:
    """A lock that is waited for in a thread; released before it was got, the thread lets it go at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._guard = threading.Lock()
        self._descriptor: int | None = None
        self._is_given_up = False

    def acquire(self) -> None:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with self._guard:
            if self._is_given_up:
                os.close(descriptor)
            else:
                self._descriptor = descriptor

    def release(self) -> None:
        with self._guard:
            self._is_given_up = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def normal(url: str) -> str:
    """Return ``url`` as a login is kept for it."""
    return url.strip().rstrip("/").lower()


def with_tokens(login: Login, tokens: Mapping[str, Any]) -> Login:
    """Return ``login`` with other tokens."""
    return replace(login, **tokens)


def _unusable(file: Path, cause: str) -> ConfigError:
    return ConfigError(f"cannot use login {file}: {cause}", hint="log in again: nagare login")


def _keyring() -> Any:
    """Return the library when it is installed and has somewhere to keep secrets."""
    try:
        import keyring  # noqa: PLC0415  optional, and slow to load
        from keyring.backends import fail  # noqa: PLC0415  as above
    except ImportError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, fail.Keyring) or getattr(backend, "priority", 0) <= 0 else keyring


def _put_in_keyring(login: Login) -> bool:
    keyring = _keyring()
    if keyring is None:
        return False
    secrets = json.dumps({name: getattr(login, name) for name in _SECRETS})
    try:
        keyring.set_password(_SERVICE, normal(login.url), secrets)
    except keyring.errors.KeyringError:
        return False
    return True


def _secrets_in_keyring(url: str) -> dict[str, str]:
    keyring = _keyring()
    try:
        kept = None if keyring is None else keyring.get_password(_SERVICE, normal(url))
    except keyring.errors.KeyringError:
        kept = None
    if kept is None:
        raise ConfigError(f"cannot use login to {url}: the keyring does not give it", hint="log in again: nagare login")
    secrets: dict[str, str] = json.loads(kept)
    return secrets


def _remove_from_keyring(url: str) -> None:
    keyring = _keyring()
    if keyring is not None:
        with contextlib.suppress(keyring.errors.KeyringError):
            keyring.delete_password(_SERVICE, normal(url))
