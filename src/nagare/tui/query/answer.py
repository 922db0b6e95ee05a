"""What the server answered, as rows of a list: kinds and widths of columns, local times, nulls that can be seen.

The rows stay as they came beside it: what is copied or written to a file is never what was rounded for the eye.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from nagare.lib.plain_text import plain
from nagare.lib.units import Unit
from nagare.tui.location import Window
from nagare.tui.renderables.palette import Palette, make_palette
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec, format_cell
from nagare.tui.renderables.value_axis import unit_of

if TYPE_CHECKING:
    from nagare.wire.sql import SqlReply

# Rows that are asked for: more are no list for eyes, and the server answers at most 32 MiB of them.
ROWS_LIMIT = 10_000
NULL = "NULL"
# What of a text is shown in a list; all of it is copied and written.
_TEXT_LIMIT = 500
_LOOKED_AT = 300
_LEAST_WIDTH, _MOST_WIDTH, _TITLE_WIDTH = 4, 44, 28
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
            "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
_KINDS: Mapping[Unit, CellKind] = {
    Unit.RATIO: CellKind.RATIO, Unit.BYTES: CellKind.BYTES, Unit.RATE: CellKind.RATE, Unit.SECONDS: CellKind.SECONDS,
    Unit.CELSIUS: CellKind.CELSIUS,
}  # fmt: skip
_PLAN = ("explain_key", "explain_value")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: the statement, its parameters, the window, and the moments that this was when it was asked."""

    sql: str
    window: Window
    since_ms: int
    # None for up to now.
    until_ms: int | None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: columns as a list shows them, its cells by column, and the rows as they came."""

    asked: Asked
    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    columns: tuple[ColumnSpec, ...]
    cells: Mapping[str, Sequence[Any]]
    is_truncated: bool = False
    tier: str = "raw"
    notes: tuple[str, ...] = ()
    elapsed_ms: float = 0.0
    came_ms: int = 0

    @property
    def keys(self) -> list[str]:
        """The keys of the rows, in the order of the answer."""
        return [str(index) for index in range(len(self.rows))]

    def column(self, name: str) -> int | None:
        """Return the place of a column, None when there is none of that name."""
        return self.names.index(name) if name in self.names else None

    def first_of(self, *types: str) -> int | None:
        """Return the first column of one of these types; one that is called ``ts`` before the others."""
        found = [place for place, type_ in enumerate(self.types) if type_.startswith(types)]
        return next((place for place in found if self.names[place] == "ts"), next(iter(found), None))


def is_number(type_: str) -> bool:
    """Tell whether a DuckDB type is one of numbers."""
    return type_.partition("(")[0] in _NUMBERS


def is_time(type_: str) -> bool:
    """Tell whether a DuckDB type is a moment."""
    return type_.startswith("TIMESTAMP") or type_ == "DATE"


def read_answer(
    reply: SqlReply, asked: Asked, came_ms: int, zone: tzinfo | None = None, palette: Palette | None = None
) -> Answer:
    """Return ``reply`` as a list shows it. Takes a while for many rows: made for a thread."""
    names, types = [column.name for column in reply.columns], [column.type for column in reply.columns]
    rows: Sequence[Sequence[Any]] = reply.rows
    if tuple(names) == _PLAN:
        # A plan is a drawing of many lines, no row of a list.
        names, types = ["plan"], ["VARCHAR"]
        rows = [[line] for _, text in reply.rows for line in str(text).splitlines()]
    columns: list[ColumnSpec] = []
    cells: dict[str, Sequence[Any]] = {}
    for place, (key, type_) in enumerate(zip(_unique(names), types, strict=True)):
        shown = _shown([row[place] for row in rows], type_, zone)
        columns.append(_spec(key, names[place], type_, shown, palette or make_palette(), is_first=not place))
        cells[key] = shown
    notes = tuple(plain(note) for note in reply.notes)
    return Answer(
        asked, tuple(names), tuple(types), rows, _with_room(columns), cells, reply.truncated, reply.tier, notes,
        reply.elapsed_ms, came_ms,
    )  # fmt: skip


def _unique(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        key, number = name, 1
        while key in found:
            number += 1
            key = f"{name}_{number}"
        found.append(key)
    return found


def _shown(values: Sequence[Any], type_: str, zone: tzinfo | None) -> Sequence[Any]:
    if is_number(type_):
        # What no float holds exactly comes as text, and stays it.
        is_text = any(isinstance(value, str) for value in values)
        return [None if value is None else str(value) for value in values] if is_text else values
    if type_.startswith("TIMESTAMP"):
        return [local_text(value, zone) for value in values]
    return [None if value is None else value_text(value)[:_TEXT_LIMIT] for value in values]


def value_text(value: Any) -> str:
    """Return a value as text on one line: as it is, nested ones as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return plain(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))
    return plain(str(value))


def moment_ms(text: Any) -> int | None:
    """Return a time of an answer in Unix milliseconds, None for what is none."""
    moment = _moment(text)
    return None if moment is None else round(moment.timestamp() * 1000)


def _moment(text: Any) -> datetime | None:
    try:
        # Nanoseconds have more digits than a datetime holds.
        whole, dot, rest = str(text).partition(".")
        moment = datetime.fromisoformat(f"{whole}.{rest[:6].rstrip('Z'):0<6}+00:00" if dot else str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def local_text(text: Any, zone: tzinfo | None) -> str | None:
    """Return a time in local time, with the part of the second where there is one; what cannot be read stays."""
    if text is None:
        return None
    moment = _moment(text)
    if moment is None:
        return plain(str(text))
    try:
        local = moment.astimezone(zone)
    except (OverflowError, ValueError):
        return plain(str(text))
    rest = f".{moment.microsecond // 1000:03}" if moment.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{rest}"


def _kind(name: str, type_: str, values: Sequence[Any]) -> CellKind:
    if not is_number(type_) or any(isinstance(value, str) for value in values):
        return CellKind.TEXT
    return _KINDS.get(unit_of(name), CellKind.VALUE)


def _spec(key: str, name: str, type_: str, values: Sequence[Any], palette: Palette, *, is_first: bool) -> ColumnSpec:
    title = plain(name, _TITLE_WIDTH)
    kind = _kind(name, type_, values)
    spec = ColumnSpec(key, title, kind, priority=0 if is_first else 1, null=NULL, help=plain(name, 80))
    seen = [value for value in values[:_LOOKED_AT] if value is not None]
    # The title has room for the arrow of the order.
    widths = [cell_len(title) + 1, _LEAST_WIDTH, *(cell_len(format_cell(value, spec, palette)) for value in seen)]
    return _with_width(spec, min(max(widths), _MOST_WIDTH))


def _with_width(spec: ColumnSpec, width: int) -> ColumnSpec:
    return ColumnSpec(
        spec.key, spec.title, spec.kind, width, spec.priority, null=spec.null, help=spec.help,
        grow=spec.kind is CellKind.TEXT and width >= _MOST_WIDTH,
    )  # fmt: skip


def _with_room(columns: Sequence[ColumnSpec]) -> tuple[ColumnSpec, ...]:
    """Return the columns; a single one of text takes all the room there is."""
    if len(columns) == 1 and columns[0].kind is CellKind.TEXT:
        only = columns[0]
        return (ColumnSpec(only.key, only.title, only.kind, only.width, 0, grow=True, null=NULL, help=only.help),)
    return tuple(columns)
