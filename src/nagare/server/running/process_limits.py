"""What the process asks of the system for itself: files, turns of the interpreter, and an end to its memory.

DuckDB counts most of what a query takes and can be interrupted at most places; at some it does neither (a text that
is replaced by a longer one, a list folded into itself). There the system's own limit makes the allocation fail, the
query ends with an error of its own, and everything else goes on.
"""

from __future__ import annotations

import resource
import sys

from nagare.config.settings import Settings

# Query and decoding threads hold the interpreter; at its default of 5 ms each turn, /health took 270 ms beside them.
_SWITCH_SECONDS = 0.001
_FILES = 65_536
# The process itself, stacks of its threads, the head with its 256 MiB beside queries, and bodies as Python objects.
_OWN_BYTES = 1536 * 2**20


def prepare_process(settings: Settings) -> None:
    """Set what holds for the rest of the process's life."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Often 1024, which a few hundred agents with their screens would use up; raising it to the hard limit is free.
    _set_soft(resource.RLIMIT_NOFILE, _FILES, is_raised=True)
    if sys.platform == "linux":
        # Private writable memory: what a runaway query takes, and not the files that are mapped.
        _set_soft(resource.RLIMIT_DATA, memory_limit(settings), is_raised=False)


def memory_limit(settings: Settings) -> int:
    """Return the bytes of private memory past which an allocation fails."""
    return settings.query.memory_limit_bytes + settings.server.inflight_limit_bytes + _OWN_BYTES


def _set_soft(kind: int, wanted: int, *, is_raised: bool) -> None:
    soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    is_enough = soft == resource.RLIM_INFINITY or soft >= wanted
    if is_enough != is_raised:
        resource.setrlimit(kind, (wanted, hard))
