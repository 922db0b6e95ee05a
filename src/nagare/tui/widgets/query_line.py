"""The line between a statement and its answer: what runs, how long it took, how much came, from where; and the window."""

from __future__ import annotations

from dataclasses import dataclass

from textual.reactive import reactive

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class Standing:
    """How a query stands: a state of the palette, words, and the window in words."""

    state: str = ""
    text: str = ""
    window: str = ""


class QueryLine(Line):
    """State and figures at the left, the window at the right, where a click chooses another."""

    DEFAULT_CSS = """
    QueryLine { background: $surface; }
    """

    standing: reactive[Standing] = reactive(Standing())

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the words as far as they have room: the window stays."""
        palette, standing = find_palette(self), self.standing
        right = [Part(f" {standing.window} ", make_style(palette.muted), "time.choose", "how far back it looks")]
        room = max(0, self.size.width - right[0].width - 4)
        text = standing.text if len(standing.text) <= room else standing.text[: max(0, room - 1)] + palette.glyphs.more
        left = [Part(f" {text}", make_style(palette.foreground))]
        if standing.state:
            look = palette.state(standing.state)
            left.insert(0, Part(f" {look.glyph}", look.style))
        return left, right
