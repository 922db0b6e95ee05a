"""Small collectors whose behaviour a test decides."""

import threading
from collections.abc import Callable
from typing import ClassVar

from nagare.collect.collector import Tables, Tick


class Scripted:
    """Runs ``script`` at each collection; ``threads`` says which threads ran it, ``count`` how often it began."""

    name: ClassVar[str] = "scripted"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, script: Callable[[Tick], Tables]) -> None:
        self.script = script
        self.threads: list[threading.Thread] = []
        self.count = 0
        self.is_closed = False

    def collect(self, tick: Tick) -> Tables:
        self.count += 1
        self.threads.append(threading.current_thread())
        return self.script(tick)

    def close(self) -> None:
        self.is_closed = True


def scripted(
    name: str, script: Callable[[Tick], Tables], *, is_slow: bool = False, interval: float | None = None
) -> Scripted:
    """Return a collector of that name."""
    kind = type(name, (Scripted,), {"name": name, "is_slow": is_slow, "interval_seconds": interval})
    collector: Scripted = kind(script)
    return collector


def one_row(tick: Tick) -> Tables:
    """Return one row that tells its tick."""
    return {"load": {"load1": [tick.monotonic]}}


class Hanging:
    """A script that hangs until ``release``; ``entered`` tells that it does."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def __call__(self, tick: Tick) -> Tables:
        self.entered.set()
        self.release.wait(30)
        return one_row(tick)
