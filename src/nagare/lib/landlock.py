"""Landlock of the Linux kernel: a process gives up files and ports for good, and what it starts with it. No right is needed for that.

The interface is that of the kernel's own documentation (Documentation/userspace-api/landlock.rst, ABI 1 to 7). What an older
kernel does not know of is left as it was: ``supported_abi`` says what there is.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_CONNECT_TCP = 1 << 1
_BIND_AND_CONNECT_TCP = 0b11
# How many rights over files each ABI knows; they are numbered from 0.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_ABI, _SCOPE_ABI = 4, 6
# Abstract sockets and signals of processes outside.
_SCOPES = 0b11


@dataclass(frozen=True, slots=True)
class Fence:
    """What is left: ``readable`` files and folders with all that is in them, ``writable`` files, ``ports`` for TCP connections.

    With ``ports`` None connections are left as they are. No port may be listened on.
    """

    readable: Iterable[Path] = ()
    writable: Iterable[Path] = ()
    ports: Iterable[int] | None = ()


def supported_abi() -> int:
    """Return the version that this kernel speaks, 0 where it has none or it is off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def restrict(fence: Fence) -> bool:
    """Leave this thread, and all that it starts from now on, what ``fence`` says; False where the kernel has no such fence.

    Raises OSError, and nothing is certain then: who calls should end.
    """
    abi = supported_abi()
    if abi == 0:
        return False
    with closing(_Ruleset.made(abi, has_ports=fence.ports is not None)) as rules:
        for path in fence.readable:
            rules.allow_path(path, _READ_FILE | _READ_DIR)
        for path in fence.writable:
            rules.allow_path(path, _READ_FILE | _WRITE_FILE)
        if abi >= _NET_ABI:
            for port in fence.ports or ():
                rules.allow_port(port)
        rules.enforce()
    return True


class _Ruleset:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def made(cls, abi: int, *, has_ports: bool) -> Self:
        rights = (1 << _FILE_RIGHTS[min(abi, max(_FILE_RIGHTS))]) - 1
        words = [rights]
        if abi >= _NET_ABI:
            words.append(_BIND_AND_CONNECT_TCP if has_ports else _BIND_AND_CONNECT_TCP & ~_CONNECT_TCP)
        if abi >= _SCOPE_ABI:
            words.append(_SCOPES)
        content = struct.pack(f"={len(words)}Q", *words)
        return cls(_checked(_libc().syscall(_CREATE_RULESET, content, ctypes.c_size_t(len(content)), 0)))

    def close(self) -> None:
        os.close(self._descriptor)

    def allow_path(self, path: Path, rights: int) -> None:
        """Allow ``rights`` below ``path``; what is not there needs none."""
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return
        try:
            if not os.path.isdir(descriptor):  # noqa: PTH112  no path, but what is open
                rights &= ~_READ_DIR
            self._add(_PATH_BENEATH, struct.pack("=Qi", rights, descriptor))
        finally:
            os.close(descriptor)

    def allow_port(self, port: int) -> None:
        self._add(_NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port))

    def enforce(self) -> None:
        _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_libc().syscall(_RESTRICT_SELF, self._descriptor, 0))

    def _add(self, kind: int, rule: bytes) -> None:
        _checked(_libc().syscall(_ADD_RULE, self._descriptor, kind, rule, 0))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
