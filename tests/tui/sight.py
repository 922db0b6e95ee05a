"""Looks at a drawn screen as eyes do: whether its text can be read, and what is left of it without green."""

# ruff: noqa: TID253  these tests drive textual itself

from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.screen import ModalScreen

from nagare.tui.app import TopApp
from nagare.tui.renderables.colour_math import contrast
from nagare.tui.renderables.palette import CONTRAST
from nagare.tui.renderables.sixteen import SIXTEEN_TERMINAL
from tests.support.colour_sight import without_green


def poor_text(app: TopApp) -> dict[tuple[str, str], str]:
    """Return text that stands out too little, by its colours: under 4.5:1, in high contrast under 7:1; and cells without a ground.

    What lies under a dialog is shaded on purpose and not looked at.
    """
    needed = 7.0 if app.theme == CONTRAST.name else 4.5
    found: dict[tuple[str, str], str] = {}
    for segment in _drawn(app):
        style = segment.style
        if style is None or style.bgcolor is None:
            # A hole: the terminal's own ground, which may be light or dark.
            found.setdefault(("", ""), segment.text)
            continue
        if not any(letter.isalnum() for letter in segment.text):
            continue
        colours = _hex(style.color, is_text=True), _hex(style.bgcolor, is_text=False)
        # Turned round they stand apart as far.
        if contrast(*colours) < needed:
            found.setdefault(colours, segment.text.strip())
    return found


def _drawn(app: TopApp) -> list[Segment]:
    screen = app.screen
    strips = screen._compositor.render_strips()
    if isinstance(screen, ModalScreen):
        boxes = [node.region for node in screen.children if node.display and node.visible]
        strips = [strips[y].crop(box.x, box.right) for box in boxes for y in range(box.y, min(box.bottom, len(strips)))]
    return [segment for strip in strips for segment in strip]


def _hex(colour: RichColor | None, *, is_text: bool) -> str:
    assert colour is not None
    return colour.get_truecolor(SIXTEEN_TERMINAL, foreground=is_text).hex


class WithoutGreen(LineFilter):
    """Draws every cell as eyes without green cones see it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _seen(style), None) for text, style, _ in segments]


@lru_cache(maxsize=4096)
def _seen(style: Style) -> Style:
    colours = (
        None if colour is None else RichColor.parse(without_green(_hex(colour, is_text=is_text)))
        for colour, is_text in ((style.color, True), (style.bgcolor, False))
    )
    return style + Style.from_color(*colours)
