"""The tabs of a screen in one line; the chosen one is reversed, so that no colour is needed to see it."""

from __future__ import annotations

from textual.message import Message
from textual.reactive import reactive

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


class TabBar(Line):
    """Tabs as (id, title); ``[`` and ``]`` or a click choose."""

    DEFAULT_CSS = """
    TabBar { background: $surface; }
    """

    tabs: reactive[tuple[tuple[str, str], ...]] = reactive(())
    active: reactive[str] = reactive("")

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            """Keep the tab's id."""
            super().__init__()
            self.tab = tab

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the tabs around the active one, and marks where more are."""
        palette = find_palette(self)
        shown = self._visible(self.size.width - 4)
        on = make_style(palette.background, palette.accent, bold=True)
        off = make_style(palette.muted)
        parts = [Part("‹" if shown and shown[0] != self.tabs[0] else " ", off)]
        for tab, title in shown:
            parts.append(Part(f" {title} ", on if tab == self.active else off, f"tab:{tab}"))
        if shown and shown[-1] != self.tabs[-1]:
            parts.append(Part("›", off))
        return parts, []

    def _visible(self, room: int) -> list[tuple[str, str]]:
        tabs = list(self.tabs)
        # Tabs left of the active one go first, so that the active one and its neighbours stay.
        while tabs and tabs[0][0] != self.active and self._width(tabs[: self._index(tabs) + 2]) > room:
            tabs.pop(0)
        while tabs and tabs[-1][0] != self.active and self._width(tabs) > room:
            tabs.pop()
        return tabs

    def _index(self, tabs: list[tuple[str, str]]) -> int:
        return next((index for index, (tab, _) in enumerate(tabs) if tab == self.active), 0)

    @staticmethod
    def _width(tabs: list[tuple[str, str]]) -> int:
        return sum(len(title) + 2 for _, title in tabs)

    def on_line_clicked(self, message: Line.Clicked) -> None:
        """Turn a click on a part into the choice of its tab."""
        if message.action.startswith("tab:"):
            message.stop()
            self.post_message(self.Chosen(message.action.removeprefix("tab:")))
