"""When a pane is drawn: seldom while a host only writes, and at once while a person waits for what a key does."""

from __future__ import annotations

import math
from collections.abc import Callable

from textual.widget import Widget

_FRAME_SECONDS = 0.033
# While the echo of a key may come; behind a flood it is among what the host wrote before it.
_AWAITED_FRAME_SECONDS = 0.016
_AWAITED_SECONDS = 0.25
# Of which half at most is spent on drawing, or it would hold up the reading that the echo waits for; but one frame that took long,
# on a machine that was busy elsewhere, makes the next one wait no longer than where nobody waits.
_FRAMES_APART = 2


class Pace:
    """The time between two frames of one pane."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin with nothing drawn and nothing typed; ``monotonic`` tells the time in seconds."""
        self._monotonic = monotonic
        self._drawn_at = self._typed_at = -math.inf
        self._cost_seconds = 0.0

    def typed(self) -> None:
        """Take in that a key went to the host."""
        self._typed_at = self._monotonic()

    def drawn(self) -> None:
        """Take in that a frame begins."""
        self._drawn_at = self._monotonic()

    def shown(self) -> None:
        """Take in that the frame is on the screen."""
        self._cost_seconds = self._monotonic() - self._drawn_at

    @property
    def is_awaited(self) -> bool:
        """Whether a key was typed a moment ago."""
        return self._monotonic() - self._typed_at < _AWAITED_SECONDS

    def wait_seconds(self) -> float:
        """Return how long what came now waits until it is drawn; nothing where it is due."""
        if not self.is_awaited:
            return _FRAME_SECONDS
        apart = min(max(_AWAITED_FRAME_SECONDS, _FRAMES_APART * self._cost_seconds), _FRAME_SECONDS)
        return max(self._drawn_at + apart - self._monotonic(), 0.0)


def draw_now(widget: Widget) -> None:
    """Draw what of ``widget`` was marked for it.

    The library gets to it by five turns of the loop, each as long as what came from a flood meanwhile takes to read.
    """
    screen = widget.screen
    screen._dirty_widgets.add(widget)  # noqa: SLF001  no public door leads to it
    screen._on_timer_update()  # noqa: SLF001  the same
