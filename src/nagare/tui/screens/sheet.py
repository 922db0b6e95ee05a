"""A sheet over the page: lines with labels, glyphs and words, to read and to leave, or to go on from by a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from nagare.tui.alerts.told import SheetRow
from nagare.tui.keymap import key_label
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

_LABEL_WIDTH = 14


class Sheet(ModalScreen[str]):
    """Returns the key that was pressed to go on, empty where it was left; ``ways`` are (key, what it does)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss('')", show=False),
        Binding("y", "copy", show=False),
    ]
    DEFAULT_CSS = """
    Sheet { align: center middle; }
    Sheet > VerticalScroll {
        width: 96; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    """

    def __init__(self, title: str, rows: Sequence[SheetRow], ways: Sequence[tuple[str, str]] = ()) -> None:
        """Show ``rows`` under ``title``. Enter leaves a sheet that it does not go on from."""
        super().__init__()
        self._title = title
        self._rows = tuple(rows)
        self._ways = tuple(ways)

    def compose(self) -> ComposeResult:
        """Show a line a row."""
        palette = find_palette(self)
        with VerticalScroll() as box:
            box.border_title = Content(palette.text(f" {self._title} "))
            told = [f"{key_label(key)} {words}" for key, words in self._ways]
            box.border_subtitle = Content(palette.text(f" {' · '.join([*told, 'y copies', 'Esc closes'])} "))
            yield Static(_grid(self._rows, palette))

    def on_mount(self) -> None:
        """Take the keys, so that arrows scroll."""
        self.query_one(VerticalScroll).focus()

    def on_key(self, event: Key) -> None:
        """Go on, where there is somewhere to go."""
        if event.key == "enter" or any(event.key == key for key, _ in self._ways):
            event.stop()
            self.dismiss(event.key if any(event.key == key for key, _ in self._ways) else "")

    def action_copy(self) -> None:
        """Copy the rows, a line each."""
        self.app.copy_to_clipboard("\n".join(f"{row.label}\t{row.text}".strip() for row in self._rows))
        self.dismiss("")


def _grid(rows: Sequence[SheetRow], palette: Palette) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, max_width=_LABEL_WIDTH)
    table.add_column(width=1)
    table.add_column(overflow="fold")
    muted, plain_, strong = (
        make_style(palette.muted),
        make_style(palette.foreground),
        make_style(palette.foreground, bold=True),
    )
    for row in rows:
        if not row.text:
            table.add_row("", "", Text(palette.text(row.label), strong))
            continue
        look = palette.state(row.state) if row.state else None
        glyph = Text(look.glyph, look.style) if look else Text()
        table.add_row(
            Text(palette.text(row.label), muted), glyph, Text(palette.text(row.text), look.style if look else plain_)
        )
    return table
