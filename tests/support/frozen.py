"""A process that stands still, as on a machine that does not answer."""

import os
import signal
import time
from pathlib import Path

_PATIENCE_SECONDS = 30.0


def freeze(pid: int) -> None:
    """Stop process ``pid`` and return once all of its threads stand: the signal alone is only on its way."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not all(_stands(task) for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline, f"process {pid} goes on"
        time.sleep(0.001)


def _stands(task: Path) -> bool:
    try:
        # Behind the name, which may hold anything, stands the state.
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "TtZX"
