"""The field in which a statement is written: coloured, completed while it is typed, and never waiting for anybody.

It talks by messages alone. What is offered comes from the tables that its owner gives; without any it offers the words of SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import TextArea

from nagare.lib.plain_text import plain, plain_lines
from nagare.tui.query.completion import Completion, complete
from nagare.tui.query.sql_text import PieceKind, lines_of_pieces, offset_of, place_of
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

if TYPE_CHECKING:
    from rich.style import Style

    from nagare.wire.sql import TableView

_NOTHING = Completion(0)
# Keys by which the list is walked, while it is open.
_STEPS: Mapping[str, int] = {"up": -1, "down": 1, "pageup": -6, "pagedown": 6}


class SqlEditor(TextArea):
    """A text area that knows SQL. Its owner draws what it offers, below the cursor."""

    HELP = "Write one SELECT. Tab takes what is offered, arrows choose, Esc closes the list; F5 runs."

    DEFAULT_CSS = """
    SqlEditor {
        border: none; border-top: solid $nagare-faint; padding: 0 1; background: $background;
        border-title-color: $foreground; border-subtitle-color: $nagare-muted; scrollbar-size: 1 1;
        & .text-area--cursor-line { background: $background; }
        & .text-area--placeholder { color: $nagare-muted; }
        &:focus { border: none; border-top: heavy $foreground; border-title-style: bold reverse; }
    }
    """

    offered: reactive[Completion] = reactive(_NOTHING, init=False)
    chosen: reactive[int] = reactive(0, init=False)

    class Offered(Message):
        """What is offered changed, or which of it is chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        """Begin empty."""
        super().__init__(
            soft_wrap=True, tab_behavior="focus", show_line_numbers=False, id=id,
            placeholder="select host, avg(busy_ratio) from cpu where core = 'all' group by host",
        )  # fmt: skip
        self.tables: Sequence[TableView] = ()
        self._was_walked = False
        self._is_put = False

    @property
    def statement(self) -> str:
        """The text as it is asked: harmless, without blanks around it."""
        return plain_lines(self.text).strip()

    def put(self, sql: str) -> None:
        """Replace the text, as one step that can be undone; nothing is offered for it."""
        self._is_put = True
        self.offered = _NOTHING
        self.replace(plain_lines(sql), (0, 0), self.document.end)
        self.move_cursor(self.document.end)

    def point_at(self, line: int, column: int) -> None:
        """Put the cursor on a place of ``statement``, both from 0."""
        lead = len(self.text) - len(self.text.lstrip())
        at = lead + offset_of(self.statement, line, column)
        self.move_cursor(place_of(self.text, at))

    def offer_here(self) -> None:
        """Offer what may stand here, also where nothing is begun."""
        self._offer(is_asked=True)

    def close_list(self) -> None:
        """Offer nothing any more."""
        self.offered = _NOTHING

    # Completion

    def _offer(self, *, is_asked: bool = False) -> None:
        at = offset_of(self.text, *self.cursor_location)
        self._was_walked = False
        self.chosen = 0
        self.offered = complete(self.text, at, self.tables, is_asked=is_asked)

    def on_text_area_changed(self) -> None:
        """Offer what may follow what was typed."""
        if self._is_put:
            self._is_put = False
        elif self.has_focus:
            self._offer()

    def on_text_area_selection_changed(self) -> None:
        """Offer nothing once the cursor left the word by itself."""
        if self.offered:
            start = place_of(self.text, self.offered.start)
            if self.cursor_location < start or self.cursor_location[0] != start[0]:
                self.close_list()

    def on_blur(self) -> None:
        """Offer nothing while something else has the keys."""
        self.close_list()

    def watch_offered(self) -> None:
        """Have it drawn."""
        self.post_message(self.Offered())

    def watch_chosen(self) -> None:
        """Have it drawn."""
        self.post_message(self.Offered())

    def on_key(self, event: events.Key) -> None:
        """Walk the list and take from it, while there is one; everything else is typed."""
        if not self.offered:
            return
        if event.key in _STEPS:
            self._was_walked = True
            self.chosen = min(max(0, self.chosen + _STEPS[event.key]), len(self.offered.candidates) - 1)
        elif event.key == "tab" or (event.key == "enter" and self._was_walked):
            self.take()
        elif event.key == "escape":
            self.close_list()
        else:
            if event.key in ("enter", "left", "right", "home", "end"):
                self.close_list()
            return
        event.stop()
        event.prevent_default()

    def take(self, place: int | None = None) -> None:
        """Write what is chosen, or the one of that place, instead of what was begun."""
        offered = self.offered
        if not offered:
            return
        candidate = offered.candidates[self.chosen if place is None else place]
        self._is_put = True
        self.close_list()
        self.replace(candidate.text, place_of(self.text, offered.start), self.cursor_location)

    # Colours

    def get_line(self, line_index: int) -> Text:
        """Return a line in its colours, with whatever is harmful in it made visible."""
        raw = self.document.get_line(line_index)
        line = Text("\t".join(map(plain, raw.split("\t"))), end="", no_wrap=True)
        palette = find_palette(self)
        for start, end, kind in lines_of_pieces(self.document.text).get(line_index, ()):
            line.stylize(_style(kind, palette), start, end)
        return line


def _style(kind: PieceKind, palette: Palette) -> Style:
    # Words differ by weight too, so that nothing depends on hue.
    looks: Mapping[PieceKind, Style] = {
        PieceKind.KEYWORD: make_style(palette.accent, bold=True),
        PieceKind.FUNCTION: make_style(palette.series[2]),
        PieceKind.TEXT: make_style(palette.series[1]),
        PieceKind.NUMBER: make_style(palette.series[3]),
        PieceKind.PARAMETER: make_style(palette.series[3], bold=True, underline=True),
        PieceKind.COMMENT: make_style(palette.muted),
    }
    return looks.get(kind) or make_style(palette.foreground)
