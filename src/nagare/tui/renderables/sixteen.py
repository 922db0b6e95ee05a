"""Draws with the sixteen colours of the terminal and no others, whatever a renderable, a theme or a remote shell asked for.

The theme of sixteen colours names them by the usual amounts of light, so that contrast can be computed and NO_COLOR finds colours to
make greys of; here they become the terminal's own, which a person may have chosen otherwise.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.filter import LineFilter

_NORMAL = [
    (0, 0, 0),
    (170, 0, 0),
    (0, 170, 0),
    (170, 85, 0),
    (0, 0, 170),
    (170, 0, 170),
    (0, 170, 170),
    (170, 170, 170),
]
_BRIGHT = [(85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255), (85, 255, 255), (255, 255, 255)]  # fmt: skip
# What a remote shell draws with its sixteen colours passes through amounts of light: through these it comes back as it was.
SIXTEEN_TERMINAL = TerminalTheme((0, 0, 0), (255, 255, 255), _NORMAL, _BRIGHT)


class SixteenColours(LineFilter):
    """Gives every cell the nearest of the sixteen."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  the library's signature
        """Return ``segments`` in the sixteen colours."""
        return [Segment(text, None if style is None else _nearest_style(style), None) for text, style, _ in segments]


@lru_cache(maxsize=4096)
def _nearest_style(style: Style) -> Style:
    return style + Style.from_color(_nearest(style.color), _nearest(style.bgcolor))


def _nearest(colour: RichColor | None) -> RichColor | None:
    return None if colour is None else colour.downgrade(ColorSystem.STANDARD)
