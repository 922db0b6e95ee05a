"""How far a diagnosis is, told to whoever waits for it: stages, and what models write, through a queue with a bound.

Who works never waits for who listens. Words of one asker are joined while nobody takes them, and the oldest are left out
where too many wait: what counts is the diagnosis itself, which comes last and whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum
from typing import Protocol

from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.wire.diagnosis import StageLine, WordsLine

_LINES_MOST = 64
# Of what one asker writes, in one line; more begins another.
_WORDS_LIMIT = 2_000


class Stage(StrEnum):
    """What a diagnosis goes through, in this order; ``MODEL`` only where one is asked."""

    WAITING = "waiting"
    EVIDENCE = "evidence"
    RULES = "rules"
    MODEL = "model"
    VERIFYING = "verifying"


class Progress(Protocol):
    """Hears how far a diagnosis is; it must not wait, and raises nothing."""

    def stage(self, stage: Stage, done: int = 0, total: int = 0, text: str = "") -> None:
        """Hear that ``stage`` goes on, of which ``done`` of ``total`` steps are done."""
        ...

    def words(self, asker: str, text: str) -> None:
        """Hear what ``asker``'s model writes; nothing of it is verified."""
        ...


class Unheard:
    """Tells nobody."""

    def stage(self, stage: Stage, done: int = 0, total: int = 0, text: str = "") -> None:
        """Pass over it."""

    def words(self, asker: str, text: str) -> None:
        """Pass over it."""


class Telling:
    """Keeps what was told until it is taken, ``limit`` lines at the most; ``counters`` tell of those left out."""

    def __init__(self, counters: Counters, limit: int = _LINES_MOST) -> None:
        """Begin with nothing told."""
        self._counters = counters
        self._limit = limit
        self._lines: deque[StageLine | WordsLine] = deque()
        self._is_any = asyncio.Event()

    def stage(self, stage: Stage, done: int = 0, total: int = 0, text: str = "") -> None:
        """Keep how far a stage is; one that waits untaken is replaced by a later one of the same."""
        line = StageLine(stage.value, done, total, plain(text, 200))
        if self._lines and isinstance(last := self._lines[-1], StageLine) and last.stage == line.stage:
            self._lines.pop()
        self._put(line)

    def words(self, asker: str, text: str) -> None:
        """Keep what was written, joined to what waits of the same asker."""
        told = plain(text)
        last = self._lines[-1] if self._lines else None
        if isinstance(last, WordsLine) and last.asker == asker and len(last.text) + len(told) <= _WORDS_LIMIT:
            self._lines.pop()
            told = last.text + told
        self._put(WordsLine(asker, told[:_WORDS_LIMIT]))

    def take(self) -> list[StageLine | WordsLine]:
        """Return what was told since the last time, in order."""
        taken = list(self._lines)
        self._lines.clear()
        self._is_any.clear()
        return taken

    async def wait(self) -> None:
        """Return as soon as there is something to take."""
        await self._is_any.wait()

    def _put(self, line: StageLine | WordsLine) -> None:
        self._lines.append(line)
        if len(self._lines) > self._limit:
            self._lines.popleft()
            self._counters.add("progress_left_out")
        self._is_any.set()
