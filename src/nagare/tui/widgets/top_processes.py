"""Who uses the machines: the busiest processes of all hosts, asked for again as reports come in.

It asks while it is shown and the owner says that something came, one question at a time, and keeps the last answer
when the server is away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from textual.message import Message

from nagare.errors import NagareError, UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.work import start_work

Columns = Mapping[str, Sequence[Any]]
PROCESS_COLUMNS = (
    ColumnSpec("pid", "pid", CellKind.NUMBER, 7, 4, help="process id"),
    ColumnSpec("name", "program", CellKind.TEXT, 14, 1, help="name of the program"),
    ColumnSpec("host", "host", CellKind.TEXT, 10, 2, help="where it runs"),
    ColumnSpec("user", "user", CellKind.TEXT, 9, 3, help="who runs it"),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 6, 1, gradient=True, help="share of one core: 200% are two cores"),
    ColumnSpec("memory", "memory", CellKind.BYTES, 7, 1, help="memory that it holds"),
    ColumnSpec("command", "command", CellKind.TEXT, 12, 5, grow=True, help="how it was started"),
    # Never shown: it dims the rows while nobody knows whether they still hold.
    ColumnSpec("standing", "standing", CellKind.STATE, 8, 9),
)
_CELLS = {"pid": "pid", "cpu": "cpu_ratio", "memory": "memory_bytes"}
# Just below the usual interval of reports: the answer follows the frame that made the charts move.
_EVERY_MS = 4500
_TEXT_LIMIT = 300


class TopProcesses(LiveTable):
    """A list of processes over all hosts; a row's key is host, pid and program."""

    class Failed(Message):
        """The processes could not be asked for."""

        def __init__(self, error: NagareError) -> None:
            """Keep why."""
            super().__init__()
            self.error = error

    def __init__(self, fetch: Callable[[], Awaitable[Columns]], clock: Clock, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        """Show what ``fetch`` brings."""
        super().__init__(PROCESS_COLUMNS, state_key="standing", clock=clock, id=id)
        self._fetch = fetch
        self._asked_ms: int | None = None
        self._is_asking = False
        self._has_failed = False

    def on_mount(self) -> None:
        """Begin with the busiest."""
        self.border_title = "Top processes"
        self.empty_text = "no process was reported yet"
        self.is_loading = True
        self.sort_by("cpu")

    def ask(self) -> None:
        """Ask for the processes, unless that was done a moment ago."""
        now_ms = self._clock.now_ms()
        is_fresh = self._asked_ms is not None and now_ms - self._asked_ms < _EVERY_MS
        if self.display and not self._is_asking and not is_fresh:
            self._asked_ms, self._is_asking = now_ms, True
            start_work(self, self._load, "processes")

    def ask_anew(self) -> None:
        """Ask for the processes of another moment now; an answer that is on its way is for nobody any more."""
        self._asked_ms, self._is_asking = None, False
        self.ask()

    def set_stale(self, *, is_stale: bool) -> None:
        """Dim the rows, or not: the server is away."""
        keys = list(self.store.row_keys())
        self.store.update_columns(keys, {"standing": ["stale" if is_stale else "up"] * len(keys)})
        self.sync()

    async def _load(self) -> None:
        try:
            columns = await self._fetch()
        except UnavailableError:
            return  # the connection's own banner says so, and the rows stay
        except NagareError as error:
            if not self._has_failed:
                self.post_message(self.Failed(error))
            self._has_failed = True
            return
        finally:
            self._is_asking = self.is_loading = False
        self._has_failed = False
        self.store.replace(process_rows(columns))
        self.sync()


def process_rows(columns: Columns) -> dict[str, dict[str, Any]]:
    """Return the list's rows by key, from columns as the query brings them."""
    names = list(columns)
    rows = {}
    for cells in zip(*columns.values(), strict=True):
        row = dict(zip(names, cells, strict=True))
        rows["\x1f".join(str(row.get(name, "")) for name in ("host", "pid", "name"))] = {
            spec.key: _cell(spec, row.get(_CELLS.get(spec.key, spec.key))) for spec in PROCESS_COLUMNS
        } | {"standing": "up"}
    return rows


def _cell(spec: ColumnSpec, value: Any) -> Any:
    if spec.is_numeric:
        return float(value) if isinstance(value, int | float) else None
    return None if value is None else plain(str(value), _TEXT_LIMIT)


def process_of(key: str) -> tuple[str, str]:
    """Return the host of a row's key, and the key of the same process in the list of that host."""
    host, _, rest = key.partition("\x1f")
    return host, rest
