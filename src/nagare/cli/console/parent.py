"""Ends a child of ``nagare up`` when the parent is gone, also after ``kill -9`` of it.

The parent keeps the write end of a pipe and never writes; when it dies, by whatever hand, the kernel closes that end
and the child reads the end of the file. Unlike a parent-death signal this does not depend on the parent's threads, and
works on every system.
"""

from __future__ import annotations

import os
import signal
import threading

# Beyond the longest clean stop of a server; then the process must not linger as an orphan that holds the lock.
LAST_WORD_SECONDS = 60.0


def watch_parent(descriptor: int) -> None:
    """Send this process SIGTERM at the end of the pipe ``descriptor``, and SIGKILL if it still lives long after."""
    threading.Thread(target=_watch, args=(descriptor,), name="parent_watch", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(LAST_WORD_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
