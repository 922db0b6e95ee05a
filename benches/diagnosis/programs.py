"""What runs on a machine that is recorded: small programs that do honest work, and those that go wrong. Standard library only.

Each is started through a link to the interpreter, so that the machine shows it under a name of its own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Work and rest alternate this often.
_SLICE_SECONDS = 0.1


def _work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(500))


def _held(size_bytes: int) -> bytearray:
    """Return memory that is really there: a page that nobody wrote to is none."""
    held = bytearray(size_bytes)
    held[::4096] = b"\x01" * len(range(0, size_bytes, 4096))
    return held


def serve(port: str, size_bytes: str, cores: str, written_per_second: str, file: str) -> None:
    """Listen on ``port``, hold memory, use a share of a core with its noise, and write to ``file`` over and over."""
    listener = socket.create_server(("127.0.0.1", int(port)))
    listener.settimeout(_SLICE_SECONDS)
    held = _held(int(size_bytes))
    chance = random.Random(int(port))
    with Path(file).open("wb") as written:
        while held:
            with contextlib.suppress(TimeoutError):
                listener.accept()[0].close()
            _work(float(cores) * _SLICE_SECONDS * chance.uniform(0.5, 1.5))
            written.seek(0)
            written.write(b"x" * round(float(written_per_second) * _SLICE_SECONDS))


def burn(count: str) -> None:
    """Use all the processor time there is, ``count`` times over."""
    for _ in range(int(count) - 1):
        multiprocessing.get_context("fork").Process(target=_work, args=(1e9,)).start()
    _work(1e9)


def leak(bytes_per_second: str, limit_bytes: str) -> None:
    """Take more and more memory, up to a limit that spares whoever shares the machine."""
    kept: list[bytearray] = []
    piece = round(int(bytes_per_second) * _SLICE_SECONDS)
    while True:
        if len(kept) * piece < int(limit_bytes):
            kept.append(_held(piece))
        time.sleep(_SLICE_SECONDS)


def fill(file: str, bytes_per_second: str) -> None:
    """Write to ``file`` until there is no room, and try on."""
    with Path(file).open("ab", buffering=0) as written:
        while True:
            with contextlib.suppress(OSError):
                written.write(os.urandom(round(int(bytes_per_second) * _SLICE_SECONDS)))
            time.sleep(_SLICE_SECONDS)


def job(seconds: str, cores: str) -> None:
    """Work for a while and end, as jobs do."""
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        _work(float(cores) * _SLICE_SECONDS)
        time.sleep(_SLICE_SECONDS * (1 - float(cores)))


_PROGRAMS: dict[str, Callable[..., None]] = {"serve": serve, "burn": burn, "leak": leak, "fill": fill, "job": job}

if __name__ == "__main__":
    _PROGRAMS[sys.argv[1]](*sys.argv[2:])
