"""What each agent said last of its queue, for those who watch the server by its own /metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Columns of the row `agent` in the table `agent`; the names end in _total where they only grow.
QUEUE_COLUMNS = (
    "spool_bytes",
    "spool_limit_bytes",
    "spool_batches",
    "spool_oldest_seconds",
    "batches_sent_total",
    "batches_resent_total",
    "batches_thinned_total",
    "batches_dropped_total",
    "batches_damaged_total",
    "send_failures_total",
)
_OWN = "agent"


class AgentQueues:
    """The newest row of each host since the server started; bounded by the registered hosts."""

    def __init__(self) -> None:
        """Begin knowing none."""
        self._rows: dict[str, dict[str, float]] = {}

    def note(self, host: str, columns: Mapping[str, Sequence[Any]] | None) -> None:
        """Note what the table ``agent`` of a host's newest batch says, if it has one."""
        if columns is None or _OWN not in (names := columns.get("collector") or ()):
            return
        place = names.index(_OWN)
        row = {name: (columns.get(name) or ())[place : place + 1] for name in QUEUE_COLUMNS}
        self._rows[host] = {name: float(cells[0]) for name, cells in row.items() if cells and cells[0] is not None}

    def forget(self, host: str) -> None:
        """Drop what is known of a host that was removed."""
        self._rows.pop(host, None)

    def __iter__(self) -> Iterator[tuple[str, str, float]]:
        """Yield host, column and value."""
        for host, row in sorted(self._rows.items()):
            for name, value in row.items():
                yield host, name, value
