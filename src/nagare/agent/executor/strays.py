"""Ends what a program left when its warden was killed too: found by the name of its command in its environment.

The last resort. A program can change its environment; one that is held by a group or a sandbox is ended with that.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

VARIABLE = "NAGARE_COMMAND"
# A stray may start another while it is looked for.
_ROUNDS = 8


def end_strays(name: str) -> int:
    """End every process of the command ``name``, and return how many were found. Blocking: it looks at all processes."""
    mark = f"{VARIABLE}={name}".encode()
    found = 0
    for _ in range(_ROUNDS):
        ended = sum(_end(pid, mark) for pid in _others())
        found += ended
        if not ended:
            break
    return found


def _others() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()
    ]


def _end(pid: int, mark: bytes) -> bool:
    try:
        if mark not in _environment(pid):
            return False
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # Looked at again through what is held now: the number may have gone to another meanwhile.
        if mark not in _environment(pid):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)
    return True


def _environment(pid: int) -> list[bytes]:
    # Of one that has ended it is empty.
    return (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
