"""Runs ``nagare serve`` and kills the process itself, as a power cut would, at a named step of the metric store.

Usage: python crash_server.py STEP NUMBER ARGUMENTS…   (the NUMBERth time that STEP is reached)
"""

import os
import signal
import sys
from collections import Counter
from typing import Any

from nagare.cli.main import main
from nagare.metrics import store


class KillAt:
    """An observer that lets everything pass but one step."""

    def __init__(self, step: str, number: int) -> None:
        self._step = step
        self._number = number
        self._seen: Counter[str] = Counter()

    def step(self, name: str) -> None:
        """Count ``name``, and die when its time has come."""
        self._seen[name] += 1
        if name == self._step and self._seen[name] >= self._number:
            os.write(2, f"killed at {name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def _observed(observer: KillAt) -> Any:
    original = store.MetricStore

    def build(*arguments: Any, **named: Any) -> store.MetricStore:
        return original(*arguments, **{**named, "observer": observer})

    return build


if __name__ == "__main__":
    setattr(store, "MetricStore", _observed(KillAt(sys.argv[1], int(sys.argv[2]))))  # noqa: B010  a class is no variable
    sys.exit(main(sys.argv[3:]))
