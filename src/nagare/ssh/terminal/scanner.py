"""Reads out of a stream what an emulator keeps to itself: modes, the title, and questions that want an answer.

For the core that has no doors to them. What is cut by the end of a chunk waits for the next one, in bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nagare.ssh.terminal.core import Modes, MouseTracking

TITLE_LIMIT = 200
# A sequence that is longer than this is not waited for.
_WAIT_LIMIT = 4096
_SEQUENCE = re.compile(
    r"\x1b\[\?(?P<modes>[\d;]{1,64})(?P<way>[hl])"
    r"|(?P<reset>\x1bc|\x1b\[!p)"
    r"|\x1b\][02];(?P<title>[^\x07\x1b\x9c]*)(?:\x07|\x1b\\|\x9c)"
    r"|(?P<who>\x1b\[0?c)|(?P<status>\x1b\[5n)|(?P<place>\x1b\[6n)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[\d;:?>=! ]*|\][^\x07\x1b\x9c]*(?:\x1b)?)?\Z")
_TRACKING = {9: MouseTracking.PRESSES, 1000: MouseTracking.CLICKS, 1002: MouseTracking.DRAGS, 1003: MouseTracking.MOVES}


@dataclass(slots=True)
class Scanner:
    """Follows a stream; ``pieces`` gives the text to feed, each with the question that stands at its end."""

    modes: Modes = field(default_factory=Modes)
    title: str = ""
    _waiting: str = ""

    def pieces(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the text in pieces with what is asked after each: who, status, place or nothing."""
        text = self._waiting + text
        self._waiting = ""
        cut = _UNFINISHED.search(text, max(len(text) - _WAIT_LIMIT, 0)) if "\x1b" in text else None
        if cut:
            self._waiting, text = text[cut.start() :], text[: cut.start()]
        at = 0
        for found in _SEQUENCE.finditer(text):
            question = self._note(found)
            if question:
                yield text[at : found.end()], question
                at = found.end()
        yield text[at:], ""

    def _note(self, found: re.Match[str]) -> str:
        if found["modes"]:
            for number in found["modes"].split(";"):
                self._set(int(number or 0), is_set=found["way"] == "h")
        elif found["reset"]:
            self.modes = Modes()
        elif found["title"] is not None:
            self.title = found["title"][:TITLE_LIMIT]
        return found.lastgroup if found.lastgroup in ("who", "status", "place") else ""

    def _set(self, number: int, *, is_set: bool) -> None:
        if number in _TRACKING:
            self.modes = replace(self.modes, mouse=_TRACKING[number] if is_set else MouseTracking.OFF)
        else:
            self.modes = _with_flag(self.modes, number, is_set=is_set)


def _with_flag(modes: Modes, number: int, *, is_set: bool) -> Modes:
    match number:
        case 1:
            return replace(modes, application_cursor=is_set)
        case 2004:
            return replace(modes, bracketed_paste=is_set)
        case 1006:
            return replace(modes, sgr_mouse=is_set)
        case 1004:
            return replace(modes, focus_events=is_set)
        case 47 | 1047 | 1049:
            return replace(modes, alternate_screen=is_set)
        case _:
            return modes
