"""Events as rows of a list."""

from __future__ import annotations

from collections.abc import Iterable

from nagare.lib.plain_text import plain
from nagare.tui.host_facts import severity_state
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.live_table import LiveTable
from nagare.wire.events import EventView

EVENT_COLUMNS = (
    ColumnSpec("ago", "ago", CellKind.AGE, 7, 1, help="time since it happened"),
    ColumnSpec("severity", "state", CellKind.STATE, 6, 2, help="how bad it is"),
    ColumnSpec("host", "host", CellKind.TEXT, 10, 3, help="where it happened"),
    ColumnSpec("kind", "kind", CellKind.TEXT, 14, 5, help="what kind of thing"),
    ColumnSpec("text", "what happened", CellKind.TEXT, 17, 0, grow=True, help="in one sentence"),
)


def fill_events(table: LiveTable, events: Iterable[EventView], now_ms: int) -> None:
    """Make ``table`` hold exactly ``events``."""
    table.store.replace(
        {
            event.id: {
                "ago": _age(event, now_ms),
                "severity": severity_state(event.severity),
                "host": plain(event.host),
                "kind": plain(event.kind),
                "text": plain(event.text),
            }
            for event in events
        }
    )
    table.sync()


def age_events(table: LiveTable, events: Iterable[EventView], now_ms: int) -> None:
    """Bring the ages of ``events``, which the list has, up to the second."""
    ages = {event.id: _age(event, now_ms) for event in events if event.id in table.store}
    table.store.update_columns(list(ages), {"ago": list(ages.values())})
    table.sync()


def _age(event: EventView, now_ms: int) -> float:
    return float(max(0, now_ms - event.ts) // 1000)
