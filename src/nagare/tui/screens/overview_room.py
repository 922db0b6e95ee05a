"""How the overview shares its rows among the grid, the hosts, the processes and the charts. Pure numbers."""

from __future__ import annotations

from dataclasses import dataclass

# A list's title, its header and four rows: fewer processes are not worth a panel.
_LEAST_PROCESSES = 6
_MOST_PROCESSES = 16
_PROCESSES_OF_A_COLUMN = 14
# Two rows of charts that can be read, and two that look well.
_TWO_CHARTS = 18
_ONE_CHART = 9


@dataclass(frozen=True, slots=True)
class Room:
    """Rows of the grid of the fleet, of the list of hosts and of the list of processes; None takes what is left."""

    grid: int
    hosts: int | None
    processes: int | None

    @property
    def total(self) -> int | None:
        """Rows of the three together, None for all there are."""
        fleet = self.grid + 1 if self.grid else 0
        return None if self.hosts is None or self.processes is None else fleet + self.hosts + self.processes

    @property
    def has_processes(self) -> bool:
        """Whether there is room for processes."""
        return self.processes != 0


def share_alone(count: int, width: int, height: int) -> Room:
    """Return the room where the lists have their column for themselves: processes get what hosts leave, or a part."""
    grid = _grid_rows(count, width)
    hosts = _host_rows(count)
    rest = height - (grid + 1 if grid else 0)
    if rest - hosts >= min(_PROCESSES_OF_A_COLUMN, max(_LEAST_PROCESSES, rest // 3)):
        return Room(grid, hosts, None)
    if rest >= 2 * _PROCESSES_OF_A_COLUMN:
        return Room(grid, rest - _PROCESSES_OF_A_COLUMN, None)
    return Room(grid, None, 0)


def share_above_charts(count: int, width: int, height: int, events: int) -> Room:
    """Return the room where charts stand below the lists, and ``events`` rows below them."""
    grid, hosts = _grid_rows(count, width), _host_rows(count)
    charts = _ONE_CHART if events else _TWO_CHARTS
    spare = height - events - charts - hosts - (grid + 1 if grid else 0)
    if spare >= _LEAST_PROCESSES:
        # Of the rows beyond a short list the charts take every other one.
        return Room(grid, hosts, min(_MOST_PROCESSES, (spare + 9) // 2, spare))
    return Room(grid, max(3, hosts + min(0, spare)), 0)


def _grid_rows(count: int, width: int) -> int:
    """Return the rows of the grid and its caption; a lone host needs none."""
    return min(6, -(-count * 2 // max(1, width))) + 1 if count > 1 else 0


def _host_rows(count: int) -> int:
    """Return the rows of the title, the header and the hosts."""
    return max(3, count + 2)
