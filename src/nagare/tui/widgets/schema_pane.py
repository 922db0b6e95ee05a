"""What can be asked, beside the field where there is room: the columns of the tables that a statement names, else the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from nagare.lib.plain_text import plain
from nagare.tui.query.completion import named_tables
from nagare.tui.query.sql_text import pieces
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

if TYPE_CHECKING:
    from nagare.wire.sql import TableView

# A sender may bring thousands.
_TABLES_LIMIT, _COLUMNS_LIMIT = 300, 200


class SchemaPane(VerticalScroll, can_focus=False):
    """Names, types and a few words; it follows what is typed."""

    DEFAULT_CSS = """
    SchemaPane { border-left: solid $nagare-faint; padding: 0 1; scrollbar-size: 1 1; }
    """

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> Iterator[Static]:
        """One text in it."""
        yield Static("", markup=False)

    def tell(self, sql: str, tables: Sequence[TableView]) -> None:
        """Show what belongs to ``sql``; draws only when that changes."""
        known = {table.name.casefold(): table for table in tables}
        named = [known[name] for name in dict.fromkeys(named_tables(pieces(sql)).values()) if name in known]
        palette = find_palette(self)
        shown = (tuple(table.name for table in named), len(tables), palette)
        if shown == self._shown:
            return
        self._shown = shown
        text = Text()
        for table in named:
            _put_table(text, table, palette)
        if not named:
            _put_tables(text, tables, palette)
        self.query_one(Static).update(text)
        self.scroll_home(animate=False)


def _put_table(text: Text, table: TableView, palette: Palette) -> None:
    text.append(f"{plain(table.name)}\n", make_style(palette.foreground, bold=True))
    text.append(f"{plain(table.text)}\n", make_style(palette.muted))
    for column in table.columns[:_COLUMNS_LIMIT]:
        text.append(f"  {plain(column.name)}", make_style(palette.accent))
        text.append(f"  {plain(column.type).lower()}", make_style(palette.muted))
        text.append(f"  {plain(column.text)}\n", make_style(palette.muted))
    text.append("\n")


def _put_tables(text: Text, tables: Sequence[TableView], palette: Palette) -> None:
    text.append("Tables\n", make_style(palette.foreground, bold=True))
    for table in [one for one in tables if not one.name.endswith(("_1m", "_1h"))][:_TABLES_LIMIT]:
        text.append(f"  {plain(table.name)}", make_style(palette.accent))
        text.append(f"  {plain(table.text)}\n", make_style(palette.muted))
