"""Processes of tests by what stands on their command line: whether any of them is left."""

import os
from pathlib import Path

from tests.support.processes import wait_until


def living(mark: str) -> list[int]:
    """Return the pids of living processes, other than this one, that have ``mark`` among their words."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in words and state != b"Z":
            found.append(int(entry.name))
    return found


def wait_until_gone(mark: str, what: str) -> None:
    """Return once nothing of ``mark`` lives; fail with what is left of ``what``, and under whom."""
    try:
        wait_until(lambda: not living(mark), f"the end of {what}")
    except AssertionError as error:
        lines = [line for pid in living(mark) for line in _lineage(pid)]
        raise AssertionError("\n".join([str(error), *lines])) from None


def _lineage(pid: int) -> list[str]:
    """Return a line for the process and for each above it: number, state, what it waits in, words."""
    lines = list[str]()
    while pid > 1:
        folder = Path(f"/proc/{pid}")
        try:
            state, parent, group, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")[:120]
            lines.append(
                f"{pid} {state} in {(folder / 'wchan').read_text()}, group {group}, session {session}: {words!r}"
            )
        except OSError:
            break
        pid = int(parent)
    return [*lines, ""]
