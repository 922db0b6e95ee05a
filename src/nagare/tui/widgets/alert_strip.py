"""One line that answers "is anything wrong": the worst hosts and why, or that nothing is."""

from __future__ import annotations

from textual.message import Message
from textual.reactive import reactive

from nagare.tui.health import Level
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


class AlertStrip(Line):
    """Entries are (state, host, reason), worst first; ``up`` is the number of hosts that are well."""

    DEFAULT_CSS = """
    AlertStrip { background: $surface; }
    """

    entries: reactive[tuple[tuple[str, str, str], ...]] = reactive(())
    calm: reactive[str] = reactive("")

    class HostClicked(Message):
        """A host of the strip was clicked."""

        def __init__(self, host: str) -> None:
            """Keep the host's name."""
            super().__init__()
            self.host = host

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return as many entries as fit, and how many more there are."""
        palette = find_palette(self)
        if not self.entries:
            look = palette.state(Level.UP.value)
            if not self.calm:
                return [], []
            return [Part(f" {look.glyph} ", look.style), Part(self.calm, make_style(palette.foreground))], []
        parts: list[Part] = []
        room = self.size.width - 10
        shown = 0
        for state, host, reason in self.entries:
            look = palette.state(state)
            pieces = [Part(f" {look.glyph} ", look.style), Part(f"{host} " if host else "", make_style(palette.foreground, bold=True),
                      f"host:{host}"), Part(f"{reason} ", look.style)]  # fmt: skip
            needed = sum(part.width for part in pieces)
            if needed > room and shown:
                break
            parts += pieces
            room -= needed
            shown += 1
        more = len(self.entries) - shown
        return parts, [Part(f"+{more} more ", make_style(palette.muted), "screen.hosts")] if more else []

    def on_line_clicked(self, message: Line.Clicked) -> None:
        """Turn a click on a host into a wish to see it."""
        if message.action.startswith("host:"):
            message.stop()
            self.post_message(self.HostClicked(message.action.removeprefix("host:")))
