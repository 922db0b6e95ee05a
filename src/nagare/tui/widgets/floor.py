"""What is left when a terminal is smaller than 40x10: the counts and the worst host, never a refusal."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from nagare.lib.plain_text import plain
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette


class Floor(Static):
    """Shown instead of the page's body."""

    DEFAULT_CSS = """
    Floor { display: none; height: 1fr; width: 1fr; }
    """

    def tell(self, counts: tuple[tuple[str, int], ...], worst: tuple[str, str, str] | None) -> None:
        """Show ``counts`` as (state, number), and ``worst`` as (state, host, reason)."""
        palette = find_palette(self)
        text = Text(no_wrap=False)
        for state, number in counts:
            look = palette.state(state)
            text.append(f"{look.glyph} {number} {look.word}  ", look.style)
        if worst is not None:
            state, host, reason = worst
            text.append(f"\n{plain(host)} ", make_style(palette.foreground, bold=True))
            text.append(reason, palette.state(state).style)
        self.update(text)
