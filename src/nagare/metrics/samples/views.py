"""What SQL sees of samples: ``samples``, every sample of head and blocks, and ``samples_last``, the newest of each series.

The head's columns are read where they lie. Labels are looked up only for a statement that may name them, because the
look-up costs more than all the rest of a sum over a million values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.blocks.views import View
from nagare.metrics.bucket.cache import BlockCache, NoCache
from nagare.metrics.engine import quote_text
from nagare.metrics.samples.formula import Formula, exact_rows, sources
from nagare.metrics.samples.mirror import LABELS, SERIES, SeriesMirror
from nagare.metrics.samples.newest import Newest
from nagare.metrics.samples.picked import ROWS_LIMIT, PickedRows
from nagare.metrics.samples.slabs import Rows
from nagare.metrics.samples.wanted import Columns, joined
from nagare.metrics.samples.write import stored_times, stored_values
from nagare.metrics.schema import HOST_TYPE, SQL_TYPES, TIME_TYPE
from nagare.model.samples import STALE_BITS
from nagare.model.tables import SAMPLE_TABLES, SAMPLES, Table

NO_LABELS = "CAST(NULL AS MAP(VARCHAR, VARCHAR))"
# What makes columns of those of a block, beside the value.
_MADE = {"ts": f"CAST(ts AS {TIME_TYPE})", "host": "host", "name": "name", "series": "series", "labels": NO_LABELS}


def _sql_columns(table: Table) -> Mapping[str, str]:
    listed = {column.name: SQL_TYPES[column.type] for column in table.columns}
    return MappingProxyType({"ts": TIME_TYPE, "host": HOST_TYPE, **listed})


# The SQL type of every column, by table and name.
COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {name: _sql_columns(table) for name, table in SAMPLE_TABLES.items()}
)


# What of a row follows from its series.
_OF_SERIES = ("name", "host")


@dataclass(frozen=True, slots=True)
class SampleViews:
    """Makes the views of one query; used from query threads."""

    mirror: SeriesMirror
    newest: Newest
    directory: str
    cache: BlockCache = field(default_factory=NoCache)
    picked: PickedRows = field(default_factory=PickedRows)

    def body(self, cursor: duckdb.DuckDBPyConnection, view: View, snapshot: Snapshot, *, with_labels: bool) -> str:
        """Return the SELECT of ``view``, which is of one of the two tables, for ``cursor``. Raises duckdb.Error."""
        if view.name == SAMPLES.name:
            return view.body(self.sources(cursor, view, snapshot, with_labels=with_labels))
        self.mirror.fill(cursor, with_labels=with_labels)
        rows = self.newest.rows()
        wanted = self.mirror.wanted(cursor, where) if (where := _condition(view)) else None
        columns = rows.series, rows.ts_ms, rows.values
        if wanted is not None:
            columns = wanted.joined([columns])
        source = _of_arrays(cursor, "newest", columns, has_nan=True, with_labels=with_labels)
        return view.body([view.table_source(f"({source})", view.columns)])

    def sources(
        self, cursor: duckdb.DuckDBPyConnection, view: View, snapshot: Snapshot, *, with_labels: bool
    ) -> list[str]:
        """Return the SELECTs of all samples as ``view`` wants them; a column ``series`` has their numbers. Raises duckdb.Error."""
        blocks = [
            block for block in snapshot.blocks.get(SAMPLES.name, ()) if view.window.meets(block.min_ms, block.max_ms)
        ]
        slabs = list(_head_rows(snapshot, view))
        where = _condition(view)
        picked: list[Columns] = []
        if where:
            picked, blocks = self.picked.of(where, blocks, lambda block: self._pick(cursor, where, block))
        self.cache.need(blocks)
        found = [
            _of_files(view, source, formula, with_labels=with_labels)
            for formula, source in sources(blocks, self.directory)
        ]
        if slabs or picked or with_labels:
            # Blocks say themselves of which name and host their rows are.
            self.mirror.fill(cursor, with_labels=with_labels)
        named = {f"slab_{number}": (rows.series, rows.ts_ms, rows.values) for number, rows in slabs}
        if where and slabs:
            picked.append(self.mirror.wanted(cursor, where).joined(named.values()))
        if where:
            named = {f"chosen_{view.name}": joined(picked)}
        has_nan = bool(where) or any(rows.has_nan for _, rows in slabs)
        for name, columns in named.items():
            if len(columns[0]):
                rows = _of_arrays(cursor, name, columns, has_nan=has_nan, with_labels=with_labels)
                found.append(view.table_source(f"({rows})", view.columns))
        return found

    def _pick(self, cursor: duckdb.DuckDBPyConnection, where: str, block: Block) -> Columns | None:
        """Return the rows of ``block`` for which ``where`` holds; None where they are many, or not of series as we know them."""
        self.cache.need([block])
        sql = exact_rows([block], self.directory, ("name", "host"), where)
        found = cursor.execute(f"{sql} LIMIT {ROWS_LIMIT + 1}").fetchnumpy()
        series = found["series"]
        numbers, firsts = np.unique(series, return_index=True)
        told = zip(found["name"][firsts].tolist(), found["host"][firsts].tolist(), strict=True)
        if len(series) > ROWS_LIMIT or not self.mirror.are_named(numbers.tolist(), told):
            return None
        return series, stored_times(found["ts"]), stored_values(found["value"])


def _condition(view: View) -> str:
    """Return the condition on the names and hosts that ``view`` may want rows of; empty for all."""
    told = {name: texts for name in _OF_SERIES if (texts := view.texts.get(name)) is not None}
    lists = {name: ", ".join(map(quote_text, sorted(texts))) for name, texts in told.items()}
    return " AND ".join(f"{name} IN ({texts})" if texts else "false" for name, texts in lists.items())


def _of_files(view: View, source: str, formula: Formula, *, with_labels: bool) -> str:
    """Return the SELECT over ``source``, which reads blocks of one formula."""
    if not with_labels:
        return view.made_source(source, _MADE | {"value": formula.value})
    rows = (
        f"SELECT ts, stored.host, stored.name, stored.series, known.labels, {formula.value} AS value "  # noqa: S608  made by us
        f"FROM {source} AS stored LEFT JOIN {LABELS} AS known ON known.id = stored.series"
    )
    return view.table_source(f"({rows})", view.columns)


def _head_rows(snapshot: Snapshot, view: View) -> Iterable[tuple[int, Rows]]:
    """Return the rows that ``view`` may want, numbered as for any other view of ``snapshot``: they share their names."""
    slabs = (rows for generation in snapshot.generations for rows in generation.samples.rows())
    return ((number, rows) for number, rows in enumerate(slabs) if view.window.meets(rows.min_ms, rows.max_ms))


def _of_arrays(cursor: duckdb.DuckDBPyConnection, name: str, rows: Columns, *, has_nan: bool, with_labels: bool) -> str:
    """Return the SELECT over columns in memory, which ``cursor`` sees as ``name``."""
    series, ts_ms, values = rows
    columns: dict[str, Any] = {"series": series, "ts": ts_ms.view("datetime64[ms]"), "number": values}
    value = "number"
    if has_nan and (is_nan := np.isnan(values)).any():
        # DuckDB takes every NaN of an array for null, which only a stale marker shall be.
        columns["is_nan"] = is_nan & (values.view(np.int64) != STALE_BITS)
        value = "CASE WHEN is_nan THEN CAST('NaN' AS DOUBLE) ELSE number END"
    cursor.register(name, columns)
    labels = "labelled.labels" if with_labels else NO_LABELS
    labelled = f" JOIN {LABELS} AS labelled ON labelled.id = {name}.series" if with_labels else ""
    return (
        f"SELECT CAST(ts AS {TIME_TYPE}) AS ts, known.host, known.name, {name}.series, {labels} AS labels, {value} AS value "  # noqa: S608  made by us
        f"FROM {name} JOIN {SERIES} AS known ON known.id = {name}.series{labelled}"
    )
