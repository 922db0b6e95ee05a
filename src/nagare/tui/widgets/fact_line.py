"""One line of what matters about one thing, so that it stays in sight on every tab."""

from __future__ import annotations

from textual.reactive import reactive

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


class FactLine(Line):
    """A state with words, then labels with texts; what does not fit goes from the right."""

    DEFAULT_CSS = """
    FactLine { background: $surface; }
    """

    standing: reactive[tuple[str, str]] = reactive(("", ""))
    facts: reactive[tuple[tuple[str, str], ...]] = reactive(())

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the state and the facts."""
        palette = find_palette(self)
        state, told = self.standing
        if not state:
            return [Part(f" loading{palette.glyphs.more}", make_style(palette.muted))], []
        look = palette.state(state)
        parts = [Part(f" {look.glyph} {look.word}{told} ", look.style)]
        muted, plain_ = make_style(palette.muted), make_style(palette.foreground, bold=True)
        room = self.size.width - parts[0].width
        for label, text in self.facts:
            pair = [Part(f" {label} " if label else " ", muted), Part(f"{text} " if text else "", plain_)]
            room -= sum(part.width for part in pair)
            if room < 0:
                break
            parts += pair
        return parts, []
