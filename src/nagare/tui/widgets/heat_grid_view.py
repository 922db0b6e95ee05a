"""The fleet as a grid one can walk through: arrows or mouse choose a host, Enter opens it, its name is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nagare.lib.units import format_ratio
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.heat_grid import HeatCell, HeatLayout, HeatView, draw_heat_grid, fit_pitch, lay_out
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette


class HeatGridView(Widget, can_focus=True):
    """A grid of hosts with a line below that names the chosen one."""

    HELP = "One cell a host: the glyph is its state, the colour its load. Arrows choose, Enter opens."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1,0)", "Left", show=False, id="grid.left"),
        Binding("right,l", "step(1,0)", "Right", show=False, id="grid.right"),
        Binding("up,k", "step(0,-1)", "Up", show=False, id="grid.up"),
        Binding("down,j", "step(0,1)", "Down", show=False, id="grid.down"),
        Binding("enter", "choose", "Open", id="grid.open"),
    ]

    DEFAULT_CSS = """
    HeatGridView {
        background: $background;
        color: $foreground;
        min-height: 2;
    }
    """

    selected_key: reactive[str | None] = reactive(None, init=False)
    empty_text: reactive[str] = reactive("no hosts yet", init=False)

    class HostChosen(Message):
        """A host was opened: Enter or a click on the selected cell."""

        def __init__(self, grid: HeatGridView, host: str) -> None:
            """Name the host."""
            super().__init__()
            self.grid = grid
            self.host = host

        @property
        def control(self) -> HeatGridView:
            """The grid, for selectors of handlers."""
            return self.grid

    class HostHighlighted(HostChosen):
        """Another host is selected."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  textual's own name
        """Make an empty grid."""
        super().__init__(id=id)
        self._cells: tuple[HeatCell, ...] = ()
        self._layout: HeatLayout | None = None
        self._strips: list[Strip] = []
        self._strips_key: object = None
        self._hover: int | None = None
        self._top = 0

    def set_cells(self, cells: Sequence[HeatCell]) -> None:
        """Show these hosts; the selection stays with its host."""
        cells = tuple(cells)
        if cells == self._cells:
            return
        if [cell.key for cell in cells] != [cell.key for cell in self._cells]:
            self._layout = None
            self._hover = None
        self._cells = cells
        self._repaint()

    @property
    def cells(self) -> tuple[HeatCell, ...]:
        """The hosts shown."""
        return self._cells

    @property
    def selected_index(self) -> int | None:
        """The place of the selected host in the cells."""
        wanted = self.selected_key
        return next((at for at, cell in enumerate(self._cells) if cell.key == wanted), None) if wanted else None

    def _repaint(self) -> None:
        self._strips_key = None
        self.refresh()

    def _current_layout(self) -> HeatLayout:
        if self._layout is None:
            pitch = fit_pitch(len(self._cells), self.size.width, self._grid_height)
            self._layout = lay_out(self._cells, max(1, self.size.width), pitch=pitch)
        return self._layout

    @property
    def _grid_height(self) -> int:
        return max(1, self.size.height - 1)

    def on_resize(self) -> None:
        """Wrap anew."""
        self._layout = None
        self._repaint()

    def watch_selected_key(self, key: str | None) -> None:
        """Bring the host into view and tell the owner."""
        self._repaint()
        if key is not None and self.selected_index is not None:
            self.post_message(self.HostHighlighted(self, key))

    def watch_empty_text(self) -> None:
        """Repaint the words."""
        self._repaint()

    def notify_style_update(self) -> None:
        """Forget what is painted: the theme or the focus changed."""
        super().notify_style_update()
        self._strips_key = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region; styles are looked up once for all of them."""
        self._prepare()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line; all are drawn at once and kept until something changes."""
        if self._strips_key is None:
            self._prepare()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def _prepare(self) -> None:
        key = (self.size, self.has_focus, self.rich_style, find_palette(self), self._hover)
        if self._strips_key != key:
            self._strips = self._draw()
            self._strips_key = key

    def _draw(self) -> list[Strip]:
        width, height = self.size
        base, palette = self.rich_style, find_palette(self)
        layout = self._current_layout()
        self._keep_seen(layout)
        view = HeatView(self.selected_index, self._top, self.has_focus)
        lines = draw_heat_grid(self._cells, layout, (width, self._grid_height), palette, view, base)
        strips = [Strip(line, width) for line in lines]
        return [*strips, self._caption_strip(fit(palette.text(self._caption()), width, palette.glyphs.more))][:height]

    def _caption_strip(self, text: str) -> Strip:
        palette = find_palette(self)
        return Strip([Segment(text, self.rich_style + make_style(palette.muted))], self.size.width)

    def _caption(self) -> str:
        at = self._hover if self._hover is not None else self.selected_index
        if not self._cells:
            return self.empty_text
        if at is None or at >= len(self._cells):
            return f"{len(self._cells)} hosts"
        cell, palette = self._cells[at], find_palette(self)
        look = palette.state(cell.state)
        load = f" {format_ratio(cell.ratio)}" if cell.ratio is not None and cell.state in ("up", "warn", "crit") else ""
        return f"{look.glyph} {cell.key} {look.word}{load}"

    def _keep_seen(self, layout: HeatLayout) -> None:
        place = layout.find(self.selected_index) if self.selected_index is not None else None
        if place is not None:
            self._top = min(self._top, place.row)
            self._top = max(self._top, place.row - self._grid_height + 1)
        self._top = max(0, min(self._top, layout.height - self._grid_height))

    def action_step(self, across: int, down: int) -> None:
        """Select a neighbour."""
        if self._cells:
            index = self.selected_index
            index = self._current_layout().step(index, across, down) if index is not None else 0
            self.selected_key = self._cells[index].key

    def action_choose(self) -> None:
        """Open the selected host."""
        if self.selected_key is not None and self.selected_index is not None:
            self.post_message(self.HostChosen(self, self.selected_key))

    def _cell_under(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= self._grid_height:
            return None
        return self._current_layout().hit(offset.x, offset.y + self._top)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Name the host under the mouse."""
        hover = self._cell_under(event)
        if hover != self._hover:
            self._hover = hover
            self.refresh()

    def on_leave(self) -> None:
        """Name the selected host again."""
        self._hover = None
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select the clicked host; a click on the selected one opens it."""
        at = self._cell_under(event)
        if at is None:
            return
        event.stop()
        if self._cells[at].key == self.selected_key:
            self.action_choose()
        else:
            self.selected_key = self._cells[at].key
