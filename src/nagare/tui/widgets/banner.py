"""One line below the header that says what is not as usual; it takes no room while all is well."""

from __future__ import annotations

from textual.reactive import reactive

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


class Banner(Line):
    """A state's glyph, a sentence, and the key that helps."""

    DEFAULT_CSS = """
    Banner { display: none; background: $nagare-alarm; color: $foreground; }
    Banner.-shown { display: block; }
    Banner.-calm { background: $panel; }
    """

    # (state, sentence, action); an empty sentence hides the line.
    notice: reactive[tuple[str, str, str]] = reactive(("", "", ""))

    def watch_notice(self, notice: tuple[str, str, str]) -> None:
        """Show or hide."""
        self.set_class(bool(notice[1]), "-shown")
        self.set_class(notice[0] == "info", "-calm")

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return glyph and sentence."""
        state, text, action = self.notice
        palette = find_palette(self)
        look = palette.state(state or "unknown")
        room = max(0, self.size.width - 4)
        shown = text if len(text) <= room else text[: max(0, room - 1)] + palette.glyphs.more
        strong = make_style(palette.foreground, bold=True)
        return [Part(f" {look.glyph} ", strong), Part(shown, strong, action)], []
