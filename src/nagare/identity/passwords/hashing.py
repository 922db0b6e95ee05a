"""Passwords are kept as argon2id, made and compared on threads of their own.

The parameters are the second recommendation of RFC 9106: three passes over 64 MiB in four lanes. Two at one time and at
a lower priority, so that guessing costs the server 128 MiB and no more; others wait, and beyond a bound they are sent away.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from nagare.errors import InputError, OverloadedError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
LENGTH_LEAST, LENGTH_MOST = 12, 256
_THREADS = 2
_WAITING_LIMIT = 32
_NICENESS = 10
_PASSES, _MEMORY_KIB, _LANES = 3, 64 * 1024, 4


class Passwords:
    """Makes and compares hashes; costs nothing until the first."""

    def __init__(self, *, passes: int = 0, memory_kib: int = 0, lanes: int = 0) -> None:
        """Keep the parameters; zero: the recommended ones."""
        self._passes, self._memory_kib, self._lanes = passes or _PASSES, memory_kib or _MEMORY_KIB, lanes or _LANES
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash of a new password. Raises OverloadedError."""
        return await self._run(lambda: self._hash(password))

    async def compare(self, password: str, kept: str | None) -> bool:
        """Tell whether ``password`` is the one of that hash; takes as long when there is none. Raises OverloadedError."""
        return await self._run(lambda: self._compare(password, kept))

    def is_outdated(self, kept: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher().check_needs_rehash(kept)

    def close(self) -> None:
        """Finish what was begun."""
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_LIMIT:
            raise OverloadedError("cannot check password: too many wait already", retry_after_seconds=5.0)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords", initializer=_step_back)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher().hash(_normal(password))

    def _compare(self, password: str, kept: str | None) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  with the hasher

        if kept is None:
            self._hash(password)
            return False
        try:
            return self._hasher().verify(kept, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    def _hasher(self) -> PasswordHasher:
        # A server without users needs none of it.
        from argon2 import PasswordHasher  # noqa: PLC0415

        return PasswordHasher(time_cost=self._passes, memory_cost=self._memory_kib, parallelism=self._lanes)


def _step_back() -> None:
    # Whoever guesses takes what the processor has left over, and the hosts' samples go first.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def check_password(password: str, user_name: str) -> str:
    """Return ``password`` if it is good enough to be kept. Raises InputError, which does not tell it."""
    length = len(unicodedata.normalize("NFC", password))
    if not LENGTH_LEAST <= length <= LENGTH_MOST:
        raise InputError(
            f"cannot use that password: it must have between {LENGTH_LEAST} and {LENGTH_MOST} characters",
            hint="four random words are easy to keep in mind and hard to guess",
        )
    folded = password.casefold()
    # A name of three letters stands in many a good password.
    if len(set(folded)) < 5 or (len(user_name) > 3 and user_name in folded):
        raise InputError("cannot use that password: too easy to guess", hint="leave out your name, and repeat less")
    return password


def _normal(password: str) -> bytes:
    # One password, whichever way a keyboard composes its letters (RFC 8265).
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
