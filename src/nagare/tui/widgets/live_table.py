"""The one table of all live lists: virtual, painted row by row, its selection tied to a row and not to a place.

The owner writes into ``store`` and calls ``sync``; the table filters, sorts, and paints only what is seen. While it is
frozen it shows a copy, and the store goes on. It talks to nobody but by messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nagare.lib.clock import Clock, SystemClock
from nagare.tui.renderables.table_cells import ColumnSpec, table_text
from nagare.tui.renderables.theme import find_palette
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.widgets.live_table_layout import TableLayout, lay_out_columns
from nagare.tui.widgets.live_table_lines import DrawnLines
from nagare.tui.widgets.live_table_messages import (
    FrozenChanged,
    MarksChanged,
    RowHighlighted,
    RowSelected,
    SortChanged,
)
from nagare.tui.widgets.live_table_paint import Painter, RowFlags, scroll_sideways
from nagare.tui.widgets.live_table_text import banner_text, cursor_name, empty_text, shown_rows, subtitle_parts
from nagare.tui.widgets.row_store import RowStore
from nagare.tui.widgets.row_view import RowView

# Room in the header for "+12 w" and a blank.
_NOTE_WIDTH = 6


class LiveTable(ScrollView, can_focus=True):
    """A table of live rows."""

    HELP = "Rows update in place. The selection stays with its row when the order changes; `z` freezes the list."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("home,g", "first", "First row", show=False, id="table.first"),
        Binding("end,G", "last", "Last row", show=False, id="table.last"),
        Binding("left,h", "scroll_by(-8)", "Scroll left", show=False, id="table.left"),
        Binding("right,l", "scroll_by(8)", "Scroll right", show=False, id="table.right"),
        Binding("enter", "select", "Open", id="table.open"),
        Binding("space", "mark", "Mark", id="table.mark"),
        Binding("asterisk", "invert_marks", "Invert marks", show=False, id="table.invert_marks"),
        Binding("o", "sort_next", "Sort", id="table.sort"),
        Binding("O", "sort_reverse", "Reverse", show=False, id="table.reverse"),
        Binding("w", "toggle_wide", "Wide", id="table.wide"),
        Binding("z,F", "toggle_freeze", "Freeze", id="table.freeze"),
        Binding("f", "toggle_follow", "Follow", id="table.follow"),
    ]

    DEFAULT_CSS = """
    LiveTable {
        background: $background;
        color: $foreground;
        scrollbar-size: 1 1;
        overflow-x: auto;
        overflow-y: auto;
        border-title-color: $foreground;
        border-title-style: bold;
        border-subtitle-color: $foreground 60%;
        &:focus { border-title-style: bold reverse; }
    }
    """

    wide: reactive[bool] = reactive(default=False, init=False)
    follow: reactive[bool] = reactive(default=False, init=False)
    is_loading: reactive[bool] = reactive(default=False, init=False)
    empty_text: reactive[str] = reactive("nothing here yet", init=False)

    RowHighlighted = RowHighlighted
    RowSelected = RowSelected
    SortChanged = SortChanged
    MarksChanged = MarksChanged
    FrozenChanged = FrozenChanged

    def __init__(
        self,
        columns: Sequence[ColumnSpec],
        *,
        state_key: str | None = None,
        clock: Clock | None = None,
        id: str | None = None,  # noqa: A002  textual's own name
        classes: str | None = None,
    ) -> None:
        """Make a table; ``state_key`` names the column whose state dims a row (stale) or hides its numbers (down)."""
        super().__init__(id=id, classes=classes)
        self._view = RowView(columns)
        self._state_key = state_key
        self._clock = clock or SystemClock()
        self._frozen_at = ""
        self._left_out: frozenset[str] = frozenset()
        self._layout = TableLayout()
        self._layout_key: tuple[int, bool, bool] | None = None
        self._strips: dict[int, tuple[int, RowFlags, Strip]] = {}
        self._painter: Painter | None = None
        self._drawn = DrawnLines()
        self._subtitle = ""

    # What the owner calls

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """All columns, shown or not."""
        return self._view.columns

    @property
    def store(self) -> RowStore:
        """Where the owner writes rows; ``sync`` shows them."""
        return self._view.store

    @property
    def view(self) -> RowStore:
        """The rows that are shown: the store, or the frozen copy."""
        return self._view.shown

    @property
    def cursor_key(self) -> str | None:
        """The key of the selected row."""
        return self._view.cursor_key

    @property
    def cursor_index(self) -> int | None:
        """The place of the selected row, or None when it is not shown."""
        return self._view.cursor_index

    @property
    def marks(self) -> frozenset[str]:
        """Keys of the marked rows."""
        return self._view.marks

    @property
    def sort_key(self) -> str | None:
        """The column that orders the rows."""
        return self._view.sort_key

    @property
    def sort_reversed(self) -> bool:
        """Whether the order is from the greatest down."""
        return self._view.sort_reversed

    @property
    def is_frozen(self) -> bool:
        """Whether the list shows a copy while the store goes on."""
        return self._view.is_frozen

    @property
    def filter_text(self) -> str:
        """The filter in force."""
        return self._view.filter.text

    @property
    def row_count(self) -> int:
        """Rows that match the filter."""
        return self._view.count

    @property
    def hidden_columns(self) -> tuple[str, ...]:
        """Titles of the columns that found no room."""
        return self._layout.hidden

    @property
    def ordered_keys(self) -> list[str]:
        """Keys of the rows that match, in the order shown."""
        return self._view.keys

    def seen_keys(self) -> list[str]:
        """Return the keys of the rows that are on the screen."""
        first = max(0, round(self.scroll_y))
        keys = self.view.keys
        return [keys[slot] for slot in self._view.order[first : first + self._page_lines + 1].tolist()]

    def sync(self) -> None:
        """Show what the store holds now; call it once after each round of updates."""
        if self._view.is_frozen:
            self.refresh()
            return
        self._change(self._view.reorder, is_all=not self.row_count)
        if self._painter is None or not self.row_count:
            self.refresh()
        elif lines := self._drawn.other((y, self._basis_of(y)) for y in range(self._top_lines, self.size.height)):
            self.refresh(*(Region(0, y, self.size.width, 1) for y in lines))

    def set_filter(self, text: str) -> None:
        """Show only rows that match. Raises FilterError and keeps the filter in force when it cannot be read."""
        self._change(lambda: self._view.set_filter(text))
        self.scroll_to(y=0, animate=False)
        self._keep_cursor_seen()

    def show_columns(self, columns: Sequence[ColumnSpec]) -> None:
        """Begin anew with other columns: no row, no order, no filter, no mark."""
        self._view = RowView(columns)
        self._layout_key = None
        self.scroll_to(0, 0, animate=False)
        self._resize_virtual()

    def leave_out(self, *columns: str) -> None:
        """Show no column of these keys, nor count it among the hidden: it says nothing here."""
        if self._left_out != frozenset(columns):
            self._left_out = frozenset(columns)
            self._layout_key = None
            self._resize_virtual()
            self.refresh()

    def sort_by(self, column: str | None, *, reverse: bool | None = None) -> None:
        """Sort by a column; without ``reverse`` numbers start with the greatest, texts with the first."""
        self._change(lambda: self._view.set_sort(column, reverse=reverse))
        self.post_message(SortChanged(self, self.sort_key, reverse=self.sort_reversed))

    def move_to(self, key: str) -> bool:
        """Select a row and bring it into view; False when it is not among the shown."""
        slot = self.view.find_slot(key)
        if slot is None or not (self._view.order == slot).any():
            return False
        self._change(lambda: self._view.select(key))
        self._keep_cursor_seen()
        return True

    def set_frozen(self, *, frozen: bool) -> None:
        """Freeze the list as it is, or let it go on."""
        if frozen != self.is_frozen:
            self._strips.clear()
            self._frozen_at = format_clock(self._clock.now_ms())
            self._change(lambda: self._view.set_frozen(frozen=frozen))
            self.post_message(FrozenChanged(self, frozen=frozen))

    def clear_marks(self) -> None:
        """Unmark all rows."""

        def clear() -> None:
            self._view.marks = frozenset()

        self._change(clear)

    def shown_rows(self) -> list[list[str]]:
        """Return titles and all matching rows as text, in the order and with the columns shown."""
        return shown_rows(self._view, self._layout, find_palette(self))

    def shown_text(self) -> str:
        """Return what is shown as tab-separated text, for the clipboard."""
        return table_text(self.shown_rows())

    def cursor_text(self) -> str:
        """Return the name in the selected row, for the clipboard."""
        return cursor_name(self._view, find_palette(self))

    # Changes

    def _change(self, change: Callable[[], object], *, is_all: bool = True) -> None:
        """Change the view, then tell the owner what else changed by it, and repaint all."""
        cursor, marks = self.cursor_key, self.marks
        change()
        if self.is_attached:
            self._resize_virtual()
            if self.follow:
                self._keep_cursor_seen()
        if self.cursor_key != cursor:
            self.post_message(RowHighlighted(self, self.cursor_key))
        if self.marks != marks:
            self.post_message(MarksChanged(self, self.marks))
        if is_all:
            self.refresh()

    def watch_is_loading(self) -> None:
        """Repaint the placeholder."""
        self.refresh()

    def watch_empty_text(self) -> None:
        """Repaint the placeholder."""
        self.refresh()

    def watch_wide(self) -> None:
        """Lay the columns out anew."""
        self._layout_key = None
        self.scroll_to(x=0, animate=False)
        self._resize_virtual()
        self.refresh()

    def watch_follow(self) -> None:
        """Bring the row into view at once."""
        if self.follow:
            self._keep_cursor_seen()
        self._update_subtitle()

    @property
    def _top_lines(self) -> int:
        return 2 if self.is_frozen else 1

    @property
    def _page_lines(self) -> int:
        return max(1, self.scrollable_content_region.height - self._top_lines)

    def _resize_virtual(self) -> None:
        self._lay_out()
        width = self._layout.width if self.wide else self.scrollable_content_region.width
        self._take_virtual_size(Size(width, self.row_count + self._top_lines))
        self._update_subtitle()

    def _take_virtual_size(self, size: Size) -> None:
        has_bar = size.height > self.container_size.height
        is_as_wide = size.width == self.virtual_size.width and not self.styles.auto_dimensions
        if is_as_wide and has_bar == self.show_vertical_scrollbar:
            # At the most the bar moves: nothing on the screen has another place for it.
            self.set_reactive(LiveTable.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def _lay_out(self) -> None:
        key = (self.scrollable_content_region.width, self.wide, bool(self.styles.border_bottom[0]))
        if key != self._layout_key:
            self._layout_key = key
            columns = [column for column in self.columns if column.key not in self._left_out]
            self._layout = lay_out_columns(columns, key[0], wide=self.wide)
            if self._layout.hidden and not key[2]:
                # The header says so at its right end, over no title.
                self._layout = lay_out_columns(columns, key[0] - _NOTE_WIDTH)
            self._strips.clear()
            self._painter = None

    def _update_subtitle(self) -> None:
        parts = subtitle_parts(self._view, self._layout, follow=self.follow)
        told = (" - " if find_palette(self).ascii else " · ").join(parts)
        if told != self._subtitle:
            # To set it draws the whole table anew.
            self._subtitle = self.border_subtitle = told

    def _keep_cursor_seen(self) -> None:
        index = self.cursor_index
        if index is None:
            return
        top = round(self.scroll_y)
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + self._page_lines:
            self.scroll_to(y=index - self._page_lines + 1, animate=False)

    def _move_cursor(self, place: int) -> None:
        key = self._view.key_at(place)
        if key is not None:
            self._change(lambda: self._view.select(key))
            self._keep_cursor_seen()

    # Painting

    def notify_style_update(self) -> None:
        """Forget painted rows: the theme or the focus changed."""
        super().notify_style_update()
        self._strips.clear()
        self._painter = None

    def on_resize(self) -> None:
        """Lay out anew and keep the selected row in view."""
        self._resize_virtual()
        self._keep_cursor_seen()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region; colours and columns are looked up once for all of them."""
        self._prepare()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line of the viewport."""
        painter = self._painter or self._prepare()
        width = self.scrollable_content_region.width
        if self.is_frozen and y == 0:
            return painter.notice(banner_text(self._view, self._frozen_at, painter.palette), width, reverse=True)
        if y == self._top_lines - 1:
            header = painter.header(self.sort_key, reverse=self.sort_reversed)
            strip = painter.with_note(header, self._hidden_note, width)
        else:
            basis = self._basis_of(y)
            self._drawn.drew(y, basis)
            if basis is None:
                return self._placeholder(y - self._top_lines, painter, width)
            strip = self._row_strip(*basis, painter)
        if self.wide:
            strip = scroll_sideways(strip, self._layout.pinned_width, round(self.scroll_x), width)
        return strip if strip.cell_length == width else strip.adjust_cell_length(width, painter.base)

    def _prepare(self) -> Painter:
        self._lay_out()
        base = self.rich_style
        palette = find_palette(self)
        painter = self._painter
        if painter is None or painter.base != base or painter.palette is not palette:
            painter = self._painter = Painter(
                self._layout, palette, self._state_key, base, self._layout_key[0] if self._layout_key else 0
            )
            self._strips.clear()
        return painter

    def _basis_of(self, y: int) -> tuple[int, int, RowFlags] | None:
        """Return what a line of the viewport is made of: slot of the row, its version, its flags; None where no row is."""
        index = y - self._top_lines + round(self.scroll_y)
        if index >= self.row_count:
            return None
        store, slot = self.view, int(self._view.order[index])
        key = store.keys[slot]
        flags = RowFlags(key in self.marks, key == self.cursor_key, self.has_focus)
        return slot, int(store.row_versions[slot]), flags

    def _row_strip(self, slot: int, version: int, flags: RowFlags, painter: Painter) -> Strip:
        known = self._strips.get(slot)
        if known is not None and known[0] == version and known[1] == flags:
            return known[2]
        strip = painter.row(self.view, slot, flags)
        if len(self._strips) > 2048:
            self._strips.clear()
        self._strips[slot] = (version, flags, strip)
        return strip

    @property
    def _hidden_note(self) -> str:
        """What the header says of columns that found no room; nothing where a border says it."""
        hidden = len(self._layout.hidden)
        if not hidden or self.styles.border_bottom[0]:
            return ""
        spare = self.scrollable_content_region.width - self._layout.width
        return f"+{hidden} cols, w" if spare > _NOTE_WIDTH + 6 else f"+{hidden} w".rjust(_NOTE_WIDTH)

    def _placeholder(self, line: int, painter: Painter, width: int) -> Strip:
        if self.row_count:
            return Strip.blank(width, painter.base)
        if self.is_loading and len(self.view) == 0:
            return painter.skeleton(line, width)
        if line == 1:
            return painter.notice(f" {empty_text(self._view, self.empty_text)}", width)
        return Strip.blank(width, painter.base)

    # Actions and the mouse

    def action_move(self, rows: int) -> None:
        """Move the selection by rows."""
        index = self.cursor_index
        self._move_cursor(rows + (index if index is not None else -rows))

    def action_page(self, pages: int) -> None:
        """Move the selection by a screenful."""
        self.action_move(pages * max(1, self._page_lines - 1))

    def action_first(self) -> None:
        """Select the first row."""
        self._move_cursor(0)

    def action_last(self) -> None:
        """Select the last row."""
        self._move_cursor(self.row_count - 1)

    def action_scroll_by(self, cells: int) -> None:
        """Scroll a wide table sideways."""
        self.scroll_to(x=self.scroll_x + cells, animate=False)

    def action_select(self) -> None:
        """Open the selected row."""
        if self.cursor_index is not None and self.cursor_key is not None:
            self.post_message(RowSelected(self, self.cursor_key))

    def action_mark(self) -> None:
        """Mark or unmark the selected row and go on to the next."""
        key = self.cursor_key
        if self.cursor_index is not None and key is not None:
            self._change(lambda: self._view.toggle_mark(key))
            self.action_move(1)

    def action_invert_marks(self) -> None:
        """Mark the shown rows that are not marked, and unmark the others."""
        self._change(self._view.invert_marks)

    def action_sort_next(self) -> None:
        """Sort by the next column that is shown."""
        keys = [column.spec.key for column in self._layout.columns]
        if keys:
            at = keys.index(self.sort_key) if self.sort_key in keys else -1
            self.sort_by(keys[(at + 1) % len(keys)])

    def action_sort_reverse(self) -> None:
        """Turn the order around."""
        self.sort_by(self.sort_key, reverse=not self.sort_reversed)

    def action_toggle_wide(self) -> None:
        """Show all columns, or as many as fit."""
        self.wide = not self.wide

    def action_toggle_freeze(self) -> None:
        """Freeze the list, or let it go on."""
        self.set_frozen(frozen=not self.is_frozen)

    def action_toggle_follow(self) -> None:
        """Keep the selected row in view, or not."""
        self.follow = not self.follow

    def on_click(self, event: events.Click) -> None:
        """Sort by a clicked header, select a clicked row, open it on a double click."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        if offset.y == self._top_lines - 1:
            self._click_header(offset.x)
        elif offset.y >= self._top_lines:
            self._click_row(offset.y - self._top_lines + round(self.scroll_y), event.chain)

    def _click_row(self, place: int, chain: int) -> None:
        if place < self.row_count:
            self._move_cursor(place)
            if chain == 2:
                self.action_select()

    def _click_header(self, x: int) -> None:
        if self._hidden_note and x >= self.scrollable_content_region.width - len(self._hidden_note):
            self.action_toggle_wide()
            return
        if self.wide and x >= self._layout.pinned_width:
            x += round(self.scroll_x)
        column = self._layout.hit(x)
        if column is None:
            return
        if column.spec.key == self.sort_key:
            self.action_sort_reverse()
        else:
            self.sort_by(column.spec.key)
