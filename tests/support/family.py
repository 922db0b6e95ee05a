"""A process and its descendants, read from /proc."""

import os
from pathlib import Path


def stat_fields(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name; the first is the state, the second the parent."""
    # The name stands in parentheses and may hold anything, also spaces.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(root: int) -> list[int]:
    """Return ``root`` and its live descendants, whatever sessions they made for themselves."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(stat_fields(int(entry))[1])
            except OSError:
                continue
    found, waiting = [root], [root]
    while waiting:
        parent = waiting.pop()
        children = [pid for pid, of in parents.items() if of == parent]
        found += children
        waiting += children
    return found


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; one that waits to be collected does not."""
    try:
        return stat_fields(pid)[0] != "Z"
    except OSError:
        return False
