"""What pages with lists share: the filter line, copying, exporting, and the keys that a table binds by itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from nagare.errors import NagareError
from nagare.tui.actions import ACTIONS
from nagare.tui.export import csv_text, file_name, keep
from nagare.tui.renderables.time_axis import local_time
from nagare.tui.screens.page import Page
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.row_filter import FilterError

# Action of the table -> what the table calls it.
_TABLE_METHODS = {
    "table.open": "action_select",
    "table.up": "action_move",
    "table.down": "action_move",
    "table.page_up": "action_page",
    "table.page_down": "action_page",
    "table.first": "action_first",
    "table.last": "action_last",
    "table.left": "action_scroll_by",
    "table.right": "action_scroll_by",
    "table.sort": "action_sort_next",
    "table.reverse": "action_sort_reverse",
    "table.wide": "action_toggle_wide",
    "table.freeze": "action_toggle_freeze",
    "table.follow": "action_toggle_follow",
    "table.mark": "action_mark",
    "table.invert_marks": "action_invert_marks",
}
_ARGUMENTS = {
    "table.up": (-1,), "table.down": (1,), "table.page_up": (-1,), "table.page_down": (1,), "table.left": (-8,),
    "table.right": (8,),
}  # fmt: skip
_GRID_METHODS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "grid.left": ("action_step", (-1, 0)),
    "grid.right": ("action_step", (1, 0)),
    "grid.up": ("action_step", (0, -1)),
    "grid.down": ("action_step", (0, 1)),
    "grid.open": ("action_choose", ()),
}


def marked_keys(table: LiveTable) -> list[str]:
    """Return the keys of the marked rows that are shown, in their order. Asked each second, of lists that are long."""
    marks = table.marks
    return [key for key in table.ordered_keys if key in marks] if marks else []


class ListPage(Page):
    """A page on which at least at times a list is shown."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table")

    def table(self) -> LiveTable | None:
        """Return the list that actions are about: the one with the focus, else the page's main one."""
        raise NotImplementedError

    def run_widget_action(self, action_id: str) -> None:
        """Have the focused list or grid do what its own key would: the way of the mouse and the palette."""
        if isinstance(self.focused, HeatGridView) and action_id in _GRID_METHODS:
            method, arguments = _GRID_METHODS[action_id]
            getattr(self.focused, method)(*arguments)
        table = self.table()
        if table is not None and action_id in _TABLE_METHODS:
            getattr(table, _TABLE_METHODS[action_id])(*_ARGUMENTS.get(action_id, ()))

    def can(self, action: str) -> bool:
        """Lists' actions need a list."""
        where = ACTIONS[action].where
        if where in ("table", "grid"):
            # A palette or a menu may hold the focus now: what had it before on this page counts.
            focused = self.focused
            return isinstance(focused, LiveTable if where == "table" else HeatGridView)
        if where == "list":
            return self.table() is not None and (action != "filter" or self.filter_bar is not None)
        return super().can(action)

    @property
    def filter_bar(self) -> FilterBar | None:
        """The filter line, None on a page without one."""
        return self.find_part(FilterBar)

    def footer_hint(self) -> str:
        """Explain the filter while it is typed."""
        bar = self.filter_bar
        return FilterBar.HINT if bar is not None and bar.is_typing else super().footer_hint()

    def do_filter(self) -> None:
        """Type a filter."""
        if self.filter_bar is not None:
            self.filter_bar.open()

    def apply_filter(self, text: str) -> None:
        """Filter the list and say how many rows match, or what cannot be read."""
        table, bar = self.table(), self.filter_bar
        if table is None or bar is None:
            return
        try:
            table.set_filter(text)
        except FilterError as error:
            bar.tell(f"{error.message} {error.hint}", is_wrong=True)
            return
        bar.tell("")
        self.tell_matches()

    def tell_matches(self) -> None:
        """Say how many rows match."""
        table, bar = self.table(), self.filter_bar
        if table is not None and bar is not None and not bar.is_wrong:
            bar.tell(f"{table.row_count} of {len(table.view)}" if bar.text else "")

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        """Filter while it is typed."""
        self.apply_filter(message.text)
        self.set_location(filter=message.text)

    def on_filter_bar_left(self) -> None:
        """Give the keys back to the list."""
        table = self.table()
        if table is not None:
            table.focus()

    def clear_filter(self) -> bool:
        """Clear the filter; False when there was none."""
        bar = self.filter_bar
        if bar is None or not bar.text:
            return False
        bar.put("")
        self.apply_filter("")
        self.set_location(filter="")
        return True

    def _wanted_keys(self, table: LiveTable) -> list[str]:
        return marked_keys(table) or table.ordered_keys

    def do_copy_rows(self) -> None:
        """Copy the rows that are shown."""
        table = self.table()
        if table is not None:
            rows = table.shown_rows()
            if table.marks:
                kept = [index for index, key in enumerate(table.ordered_keys) if key in table.marks]
                rows = [rows[0], *(rows[index + 1] for index in kept)]
            self.top.copy_text("\n".join("\t".join(cell.strip() for cell in row) for row in rows))

    async def do_export(self) -> None:
        """Write the rows that are shown to a CSV file in the working directory."""
        table = self.table()
        if table is None:
            return
        keys = self._wanted_keys(table)
        text = csv_text(table.columns, table.view, keys)
        name = file_name(
            "-".join(text for text, _ in self.crumbs()), local_time(self.top.clock.now_ms(), self.top.zone)
        )
        self.run_worker(partial(self.write_export, name, text, f"{len(keys)} rows"), thread=True, group="export")

    def write_export(self, name: str, text: str, what: str) -> None:
        """Write a new file and say so; made for a thread, so it may only pass the outcome on."""
        try:
            said = f"wrote {what} to {keep(self.app, name, text)}"
        except NagareError as error:
            said = f"{error.message} · {error.hint}"
        self.app.call_from_thread(self.flash, said)

    def value_to_copy(self) -> str:
        """Return the name in the row under the cursor."""
        table = self.table()
        return table.cursor_text() if table is not None and table.has_focus else ""

    def step_back(self) -> bool:
        """Clear marks, then the filter, then the freeze."""
        table = self.table()
        if table is None:
            return False
        if table.marks:
            table.clear_marks()
            return True
        if self.clear_filter():
            return True
        if table.is_frozen:
            table.set_frozen(frozen=False)
            return True
        return False

    def on_live_table_frozen_changed(self) -> None:
        """The footer's words follow."""
        self.top.refresh_frame()
