"""What SQL may see of gaps: the table ``gaps``."""

from __future__ import annotations

from nagare.fleet.gaps.service import Gaps
from nagare.fleet.service import Fleet
from nagare.lib.clock import Clock
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

GAPS = Table(
    "gaps",
    "Time of hosts for which no samples came in time; one row a gap, of at most 500 a host and 400 days.",
    (
        Column("ts", ColumnType.INTEGER, ColumnKind.ATTRIBUTE, "the last moment before it that arrived"),
        Column("host", ColumnType.TEXT, ColumnKind.KEY, "name of the host"),
        Column(
            "until_ms", ColumnType.INTEGER, ColumnKind.ATTRIBUTE, "Unix milliseconds of its end; null while it lasts"
        ),
        Column("seconds", ColumnType.FLOAT, ColumnKind.GAUGE, "how long it is, until now while it lasts"),
        Column(
            "kind",
            ColumnType.TEXT,
            ColumnKind.ATTRIBUTE,
            "down: nothing ran; buffered: the rows came later; thinned: some of them did, the agent left others out; "
            "dropped: at the agent, none will come; late: not known yet",
        ),
    ),
)


def gaps_table(gaps: Gaps, fleet: Fleet, clock: Clock) -> RecordTable:
    """Return the table, read whenever a query names it."""

    async def fetch() -> Columns:
        columns: dict[str, list[Cell]] = {column.name: [] for column in GAPS.columns}
        now_ms = clock.now_ms()
        for host, state in fleet.hosts_and_states():
            for gap in gaps.of(host, state):
                until_ms = now_ms if gap.until_ms is None else gap.until_ms
                row = (gap.from_ms, host.name, gap.until_ms, (until_ms - gap.from_ms) / 1000, gap.kind.value)
                for cells, cell in zip(columns.values(), row, strict=True):
                    cells.append(cell)
        return columns

    return RecordTable(GAPS, fetch)
