"""Dies as by a power cut when a named step is reached."""

import os
import signal
from collections import Counter


class KillAt:
    """Lets everything pass but one step."""

    def __init__(self, step: str, number: int) -> None:
        self._step, self._number = step, number
        self._seen: Counter[str] = Counter()

    def step(self, name: str) -> None:
        """Count ``name``, and die when its time has come."""
        self._seen[name] += 1
        if name == self._step and self._seen[name] >= self._number:
            os.kill(os.getpid(), signal.SIGKILL)
