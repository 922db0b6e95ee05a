"""One row of a list with all its columns: what a narrow terminal left out, and texts at full length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.table_cells import CellKind, cell_style, format_cell
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.live_table import LiveTable

_NAME_WIDTH = 30


class RowDetail(ModalScreen[None]):
    """A row as it was when it was opened; ``y`` copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", show=False),
        Binding("y", "copy", show=False),
    ]
    DEFAULT_CSS = """
    RowDetail { align: center middle; }
    RowDetail > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 2;
    }
    """

    def __init__(self, table: LiveTable, key: str, further: Sequence[tuple[str, str]] = ()) -> None:
        """Take the row of ``key``, and ``further`` facts about it."""
        super().__init__()
        self._title = str(table.border_title or "")
        # A column without a title orders the rows, and says nothing.
        self._specs = [spec for spec in table.columns if spec.kind is not CellKind.SPARK and spec.title]
        self._row = table.view.row(key)
        self._further = tuple(further)

    def compose(self) -> ComposeResult:
        """Show a line a column."""
        palette = find_palette(self)
        grid = Table.grid(padding=(0, 2))
        # The value is what somebody came for: it has the greater half.
        grid.add_column(max_width=_NAME_WIDTH)
        grid.add_column()
        muted = make_style(palette.muted)
        for spec in self._specs:
            value = self._row[spec.key]
            text = Text(format_cell(value, spec, palette), cell_style(value, spec, palette))
            grid.add_row(Text(spec.help or spec.key.replace("_", " "), muted), text)
        for name, told in self._further:
            grid.add_row(Text(name, muted), Text(told))
        with VerticalScroll() as box:
            box.border_title = f" {self._title} "
            box.border_subtitle = " y copies · Esc closes "
            yield Static(grid)

    def action_copy(self) -> None:
        """Copy the row, a line a column."""
        palette = find_palette(self)
        lines = [f"{spec.key}\t{format_cell(self._row[spec.key], spec, palette)}" for spec in self._specs]
        self.app.copy_to_clipboard("\n".join([*lines, *(f"{name}\t{told}" for name, told in self._further)]))
        self.dismiss()
