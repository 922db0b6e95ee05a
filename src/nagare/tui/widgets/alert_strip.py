"""One line that answers "is anything wrong": the alerts that need somebody, then the worst hosts and why, or that nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.message import Message
from textual.reactive import reactive

from nagare.model.health import Level
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class StripEntry:
    """One thing to look at: how bad, what or where, why. ``alert`` is its id, empty for what a host's values say."""

    state: str
    name: str
    reason: str
    alert: str = ""

    @property
    def action(self) -> str:
        """What a click does."""
        return f"alert:{self.alert}" if self.alert else f"host:{self.name}" if self.name else ""


class AlertStrip(Line):
    """Entries, worst first; ``counts`` are (state, number) of alerts, ``calm`` is what it says when there are none."""

    DEFAULT_CSS = """
    AlertStrip { background: $surface; }
    """

    entries: reactive[tuple[StripEntry, ...]] = reactive(())
    counts: reactive[tuple[tuple[str, int], ...]] = reactive(())
    calm: reactive[str] = reactive("")

    class HostClicked(Message):
        """A host of the strip was clicked."""

        def __init__(self, host: str) -> None:
            """Keep the host's name."""
            super().__init__()
            self.host = host

    class AlertClicked(Message):
        """An alert of the strip was clicked."""

        def __init__(self, alert_id: str) -> None:
            """Keep the alert's id."""
            super().__init__()
            self.alert_id = alert_id

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the counts and as many entries as fit, and how many more there are."""
        palette = find_palette(self)
        if not self.entries:
            look = palette.state(Level.UP.value)
            if not self.calm:
                return [], []
            return [Part(f" {look.glyph} ", look.style), Part(self.calm, make_style(palette.foreground))], []
        parts = self._counts(palette)
        room = self.size.width - 10 - sum(part.width for part in parts)
        shown = 0
        for entry in self.entries:
            look = palette.state(entry.state)
            bold = make_style(palette.foreground, bold=True)
            pieces = [
                Part(f" {look.glyph} ", look.style),
                Part(f"{entry.name} " if entry.name else "", bold, entry.action),
            ]
            reason = palette.text(f"{entry.reason} ")
            if not shown:
                reason = _cut(reason, room - sum(part.width for part in pieces), palette)
            pieces.append(Part(reason, look.style, entry.action if entry.alert else ""))
            needed = sum(part.width for part in pieces)
            if needed > room and shown:
                break
            parts += pieces
            room -= needed
            shown += 1
        more, wanted = len(self.entries) - shown, "screen.alerts" if self.counts else "screen.hosts"
        return parts, [Part(f"+{more} more ", make_style(palette.muted), wanted)] if more else []

    def _counts(self, palette: Palette) -> list[Part]:
        looks = [(palette.state(name), number) for name, number in self.counts]
        return [Part(f" {number} {look.word}", look.style, "screen.alerts") for look, number in looks]

    def on_line_clicked(self, message: Line.Clicked) -> None:
        """Turn a click on a host or an alert into a wish to see it."""
        kind, _, name = message.action.partition(":")
        if kind == "host":
            message.stop()
            self.post_message(self.HostClicked(name))
        elif kind == "alert":
            message.stop()
            self.post_message(self.AlertClicked(name))


def _cut(text: str, room: int, palette: Palette) -> str:
    """Cut what alone is too long for the line, which would leave it out."""
    return text if cell_len(text) <= max(room, 8) else cut(text, max(room, 8) - 1, palette.glyphs.more) + " "
