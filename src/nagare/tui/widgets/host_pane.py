"""What stands below the tabs of one host: lists of a table's rows, cores as bars, events. Each is made when first shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from nagare.lib.clock import Clock
from nagare.tui.event_rows import EVENT_COLUMNS, fill_events
from nagare.tui.host_live import HostLive
from nagare.tui.host_tabs import CORES, Section, Tab, section_rows
from nagare.tui.renderables.core_grid import draw_core_grid
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.row_order import natural_key
from nagare.wire.events import EventView

# A bar of a core with its number and its percentage.
_BAR_WIDTH = 36


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of the host at the shown moment: rows by table, its events, and whether more is on its way."""

    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    events: Sequence[EventView]
    now_ms: int
    host: HostLive
    is_loading: bool = False


class HostPane(Vertical):
    """One tab's content. ``wanted`` names the tables whose rows it shows."""

    DEFAULT_CSS = """
    HostPane { height: 1fr; width: 1fr; }
    HostPane LiveTable { height: 1fr; border-top: solid $nagare-faint; border-title-color: $foreground; }
    HostPane LiveTable.-sole { border-top: none; }
    HostPane LiveTable.-sole:focus { border-top: none; }
    HostPane LiveTable:focus { border-top: heavy $foreground; border-title-style: bold reverse; }
    """
    wanted: tuple[str, ...] = ()

    def tell(self, moment: Moment) -> None:
        """Show what is known at the shown moment."""
        raise NotImplementedError

    def main_table(self) -> LiveTable | None:
        """Return the list with the focus, else the first one."""
        tables = list(self.query(LiveTable))
        return next((table for table in tables if table.has_focus), tables[0] if tables else None)

    def take_focus(self) -> None:
        """Give the keys to the first thing that takes them."""
        table = self.main_table()
        if table is not None:
            table.focus()


class ListPane(HostPane):
    """One list or more of a host's rows."""

    def __init__(self, tab: Tab, clock: Clock) -> None:
        """Show ``tab``."""
        super().__init__(id=f"pane-{tab.id}")
        self._tab = tab
        self._clock = clock
        self.wanted = tuple(section.table for section in tab.sections)

    def compose(self) -> ComposeResult:
        """Make one list a section."""
        for section in self._tab.sections:
            table = LiveTable(section.columns, clock=self._clock, id=f"list-{section.id}")
            table.border_title = section.title
            table.empty_text = section.empty
            table.set_class(len(self._tab.sections) == 1, "-sole")
            yield table

    def on_mount(self) -> None:
        """Sort each list as is usual for it."""
        for section in self._tab.sections:
            column, _, direction = section.sort.partition(".")
            self._table_of(section).sort_by(column, reverse=direction == "desc")

    def _table_of(self, section: Section) -> LiveTable:
        return self.query_one(f"#list-{section.id}", LiveTable)

    def tell(self, moment: Moment) -> None:
        """Write the rows; a list that is empty takes little room beside others."""
        for section in self._tab.sections:
            table = self._table_of(section)
            rows = section_rows(section, moment.tables.get(section.table, {}))
            table.store.replace(rows)
            table.is_loading = moment.is_loading and not rows
            table.sync()
            if len(self._tab.sections) > 1:
                table.styles.height = "1fr" if len(rows) > 6 else max(3, len(rows)) + 2


class EventsPane(HostPane):
    """The events of one host."""

    def __init__(self, clock: Clock) -> None:
        """Make the list."""
        super().__init__(id="pane-events")
        self._clock = clock

    def compose(self) -> ComposeResult:
        """Show one list."""
        table = LiveTable(EVENT_COLUMNS, clock=self._clock, id="list-events")
        table.border_title = "Events"
        table.add_class("-sole")
        table.empty_text = "nothing happened on this host yet"
        yield table

    def on_mount(self) -> None:
        """Begin with the newest."""
        self.query_one(LiveTable).sort_by("ago", reverse=False)

    def tell(self, moment: Moment) -> None:
        """Show the host's events."""
        fill_events(self.query_one(LiveTable), moment.events, moment.now_ms)


class CoreBars(Widget):
    """A bar a core, in as many columns as there is room for."""

    DEFAULT_CSS = """
    CoreBars { width: 1fr; height: auto; max-height: 50%; padding: 0 2; margin: 1 0; }
    """

    def __init__(self) -> None:
        """Begin with no cores."""
        super().__init__()
        self._ratios: tuple[float | None, ...] = ()

    def tell(self, ratios: Sequence[float | None]) -> None:
        """Show ``ratios`` in the order of the cores."""
        if len(ratios) != len(self._ratios):
            self.refresh(layout=True)
        self._ratios = tuple(ratios)
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  Textual's own
        """Return the lines that bars of a readable width take."""
        across = max(1, width // _BAR_WIDTH)
        return max(1, -(-len(self._ratios) // across))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, height = self.size
        lines = draw_core_grid(self._ratios, width, height, find_palette(self))
        line = lines[y] if y < len(lines) else []
        return Strip(line).adjust_cell_length(width).apply_style(self.rich_style)


class CoresPane(ListPane):
    """The cores of one host: bars to see them at once, and a list by mode."""

    def __init__(self, clock: Clock) -> None:
        """Make the pane."""
        super().__init__(Tab("cores", "Cores", (CORES,)), clock)

    def compose(self) -> ComposeResult:
        """Put the bars above the list."""
        yield CoreBars()
        yield from super().compose()

    def tell(self, moment: Moment) -> None:
        """Show how busy each core is."""
        columns = moment.tables.get("cpu", {})
        rows = zip(columns.get("core", ()), columns.get("busy_ratio", ()), strict=False)
        cores = sorted((natural_key(str(core)), ratio) for core, ratio in rows if core != "all")
        bars = self.query_one(CoreBars)
        bars.display = bool(cores)
        bars.tell([ratio for _, ratio in cores])
        super().tell(moment)
