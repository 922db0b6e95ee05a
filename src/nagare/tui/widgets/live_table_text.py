"""What a live table says beside its rows: counts, banner, empty notice, and rows as text to copy. Pure functions."""

from __future__ import annotations

from nagare.lib.plain_text import plain
from nagare.tui.renderables.palette import Palette
from nagare.tui.renderables.table_cells import CellKind, format_cell
from nagare.tui.widgets.live_table_layout import TableLayout
from nagare.tui.widgets.row_view import RowView


def subtitle_parts(view: RowView, layout: TableLayout, *, follow: bool) -> list[str]:
    """Return the counts for the border: rows, marks, follow, hidden columns."""
    total = len(view.shown)
    parts = [f"{view.count} of {total}" if view.filter else str(total)]
    parts += [f"{len(view.marks)} marked"] if view.marks else []
    parts += ["follow"] if follow else []
    parts += [f"+{len(layout.hidden)} cols, w"] if layout.hidden else []
    return parts


def banner_text(view: RowView, frozen_at: str, palette: Palette) -> str:
    """Return the line above a frozen list."""
    glyph = "||" if palette.ascii else "▮▮"
    return f" {glyph} frozen at {frozen_at}, {view.updates_behind} updates since; z goes on"


def empty_text(view: RowView, otherwise: str) -> str:
    """Return why no row is shown: the filter, or what the owner says."""
    total = len(view.shown)
    if total and view.filter:
        return f"0 of {total} match {view.filter.text.strip()}; Esc clears"
    return otherwise


def shown_rows(view: RowView, layout: TableLayout, palette: Palette) -> list[list[str]]:
    """Return titles and all matching rows as text, without sparks."""
    specs = [column.spec for column in layout.columns if column.spec.kind is not CellKind.SPARK]
    store, slots = view.shown, view.order.tolist()
    rows = [[plain(format_cell(store.at(slot, spec.key), spec, palette)) for spec in specs] for slot in slots]
    return [[spec.title for spec in specs], *rows]


def cursor_name(view: RowView, palette: Palette) -> str:
    """Return the text of the selected row's most wanted text column; empty without a selection."""
    slot = view.shown.find_slot(view.cursor_key or "")
    if slot is None:
        return ""
    texts = [spec for spec in view.columns if spec.kind is CellKind.TEXT]
    spec = min(texts, key=lambda spec: spec.priority) if texts else view.columns[0]
    return plain(format_cell(view.shown.at(slot, spec.key), spec, palette))
