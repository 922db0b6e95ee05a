"""Which series the cells of a host's tables are: found out once, as a host sends the same tables again and again.

A layout names the series of every scored cell of a table, column by column, or row by row where the numbers came so. It
holds for each further batch that has the same columns and keys, and so all cells of it become rows by two lists that
grow, or of many batches by a few arrays, without a look at each. Belongs to the thread of the scores.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from nagare.diagnosis.anomalies.intake import COLUMNS, WHOLE, SeriesName, Tables
from nagare.lib.counters import Counters
from nagare.model.tables import TABLES
from nagare.wire.batch import Cell
from nagare.wire.binary_batch import CELLS
from nagare.wire.binary_columns import BinaryColumns, Shape, are_binary
from nagare.wire.sound_batch import Columns

if TYPE_CHECKING:
    import numpy as np

# Rows of one series that one batch may bring; the newest count. Whoever sends so many sends the past, and each costs the
# detector a look of its own.
SERIES_ROWS = 2048
# Names in layouts that are kept, for each series that has a place: a host's tables change, and what it has beside them.
_NAMES_A_PLACE = 2
_NAMES_LEAST = 20_000
Cells = Sequence[Cell] | None
_Picked = Callable[[Sequence[Cells]], tuple[Cells, ...]]


class Layout:
    """The series of a table's scored cells, column by column; the places that they have, as far as anybody looked."""

    __slots__ = ("generation", "names", "places")

    def __init__(self, names: Sequence[SeriesName]) -> None:
        """Know the names only."""
        self.names = names
        # Where each stands, below zero for nowhere; true for that generation of the scores.
        self.places: np.ndarray[Any, Any] | None = None
        self.generation = -1


# A tuple, as one is made for each table of each batch: a frozen dataclass takes four times as long.
class Rows(NamedTuple):
    """Rows of the series of one layout, in its order: moments, Unix milliseconds, and values, None for none."""

    host: str
    layout: Layout
    stamps: list[Any]
    values: list[Any]


class BinaryRows(NamedTuple):
    """The same of a table that came in binary, row by row; ``taken`` are its rows that are scored, None for all."""

    host: str
    layout: Layout
    columns: BinaryColumns
    taken: list[int] | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A layout and what it was made of: the keys, which of the scored columns there were, which rows are taken."""

    layout: Layout
    # Whether it goes row by row.
    is_by_row: bool
    keys: Sequence[Cells]
    present: Sequence[bool]
    count: int
    # None for all of them.
    taken: list[int] | None


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where keys and scored columns of a table stand among its columns, the first of which is ``ts``."""

    names: tuple[str, ...]
    keys: _Picked
    scored: _Picked
    # That every scored column is there, as it mostly is.
    whole: tuple[bool, ...]


def _shape(table: str) -> _Shape:
    names = ("ts", *(column.name for column in TABLES[table].columns))
    keys, scored = ([names.index(name) for name in each] for each in (TABLES[table].keys, COLUMNS[table]))
    return _Shape(names, _picks(keys), _picks(scored), (True,) * len(scored))


def _picks(places: Sequence[int]) -> _Picked:
    """Return what picks the columns at ``places``, several or few, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda parts: tuple(parts[at] for at in places)


_SHAPES = {table: _shape(table) for table in COLUMNS}


class Layouts:
    """The layouts of the hosts that speak; those made first make way where they name too many series."""

    def __init__(self, series_limit: int, counters: Counters) -> None:
        """Begin with none; ``series_limit`` is the number of series that are scored."""
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._names = 0
        self._names_limit = max(_NAMES_LEAST, _NAMES_A_PLACE * series_limit)
        self._counters = counters

    def rows(self, host: str, tables: Tables) -> Iterator[Rows | BinaryRows]:
        """Yield the rows of the series in ``tables`` of ``host``, table by table; of one series no more than its newest."""
        for table, columns in tables.items():
            shape = _SHAPES.get(table)
            if shape is not None and are_binary(columns):
                yield self._of_binary(host, table, columns)
            elif shape is not None:
                yield self._of_table(host, table, shape, columns)

    def _of_binary(self, host: str, table: str, columns: BinaryColumns) -> BinaryRows:
        present, pick = _reading(columns.shape)
        keys = [columns.get(name) for name in TABLES[table].keys] if pick is None else pick(columns.cells)
        known = self._known.get((host, table))
        is_known = known is not None and known.is_by_row and known.count == columns.rows and known.present == present
        if known is None or not is_known or known.keys != keys:
            known = self._learn(host, table, keys, present, columns.stamps(), is_by_row=True)
        return BinaryRows(host, known.layout, columns, known.taken)

    def _of_table(self, host: str, table: str, shape: _Shape, columns: Any) -> Rows:
        parts: Sequence[Cells] = (
            columns.parts() if isinstance(columns, Columns) else [columns.get(name) for name in shape.names]
        )
        scored, keys = shape.scored(parts), shape.keys(parts)
        stamps: Any = parts[0]
        present = shape.whole if None not in scored else tuple(cells is not None for cells in scored)
        known = self._known.get((host, table))
        is_known = known is not None and not known.is_by_row and known.count == len(stamps) and known.present == present
        if known is None or not is_known or known.keys != keys:
            known = self._learn(host, table, keys, present, stamps)
        values: Sequence[Any] = scored if present is shape.whole else [cells for cells in scored if cells is not None]
        if (taken := known.taken) is not None:
            values, stamps = [[cells[at] for at in taken] for cells in values], [stamps[at] for at in taken]
        return Rows(host, known.layout, [*stamps] * len(values), [*chain.from_iterable(values)])

    def _learn(
        self,
        host: str,
        table: str,
        keys: Sequence[Cells],
        present: Sequence[bool],
        stamps: Sequence[Any],
        *,
        is_by_row: bool = False,
    ) -> _Known:
        names = _key_texts(table, keys, len(stamps))
        taken = [at for at, key in enumerate(names) if key is not None]
        if len(taken) > SERIES_ROWS:
            taken = self._newest(names, taken, stamps)
        columns = [name for name, is_there in zip(COLUMNS[table], present, strict=True) if is_there]
        cells = product(taken, columns) if is_by_row else ((at, column) for column in columns for at in taken)
        series = [SeriesName(host, table, column, key) for at, column in cells if (key := names[at]) is not None]
        rows = taken if taken != [*range(len(stamps))] else None
        known = _Known(Layout(series), is_by_row, keys, present, len(stamps), rows)
        if len(stamps) <= SERIES_ROWS:
            self._keep((host, table), known)
        return known

    def _newest(self, names: Sequence[object], taken: Iterable[int], stamps: Sequence[Any]) -> list[int]:
        """Return of each series the rows that are newest, in the order of time."""
        places: dict[object, list[int]] = {}
        for at in taken:
            places.setdefault(names[at], []).append(at)
        kept: list[int] = []
        for rows in places.values():
            rows.sort(key=stamps.__getitem__)
            kept += rows[-SERIES_ROWS:]
            if len(rows) > SERIES_ROWS:
                self._counters.add("anomaly_rows_skipped", len(rows) - SERIES_ROWS)
        return kept

    def _keep(self, key: tuple[str, str], known: _Known) -> None:
        before = self._known.pop(key, None)
        self._names += len(known.layout.names) - (len(before.layout.names) if before else 0)
        self._known[key] = known
        while self._names > self._names_limit and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._names -= len(oldest.layout.names)


@lru_cache(1024)
def _reading(shape: Shape) -> tuple[tuple[bool, ...], _Picked | None]:
    """Return which scored columns are there, and what picks the keys among the cells; None where a key is no cell."""
    places = [shape.places.get(name, ("", 0)) for name in TABLES[shape.table].keys]
    pick = _picks([at for _, at in places]) if all(kind == CELLS for kind, _ in places) else None
    return tuple(name in shape.places for name in COLUMNS[shape.table]), pick


def _key_texts(table: str, keys: Sequence[Cells], count: int) -> list[tuple[str, ...] | None]:
    """Return the keys of each row; None for one that is part of a whole."""
    if not keys:
        return [()] * count
    nothing: list[Cell] = [None] * count
    rows = zip(*(cells or nothing for cells in keys), strict=False)
    found = [tuple("" if one is None else str(one) for one in row) for row in rows]
    if table not in WHOLE:
        return [*found]
    name, value = WHOLE[table]
    at = TABLES[table].keys.index(name)
    return [key if key[at] == value else None for key in found]
