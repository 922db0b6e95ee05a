"""What of a request's rows is stored: the row-by-row refusals of foreign tables, told with the rows' places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary, WeakSet

from nagare.config.settings import StorageSettings
from nagare.metrics.schema import AGAIN, Schema
from nagare.metrics.wide.again import NewestPoints
from nagare.metrics.wide.names import column_name, table_fault
from nagare.model.tables import ColumnType
from nagare.model.wide import WideRefusal, WideRows
from nagare.wire.batch import Cell

_MS_NS = 1_000_000
TEXT_LIMIT = 65_536
_TEXTS = (ColumnType.TEXT, ColumnType.TAG)


@dataclass(slots=True)
class AdmittedRows:
    """What is to be stored, which of its columns are tags, the columns that came to be, and what was refused."""

    tables: dict[str, dict[str, list[Cell]]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    added: dict[str, dict[str, ColumnType]] = field(default_factory=dict)
    refused: list[WideRefusal] = field(default_factory=list)
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What became of an order of rows: the columns of its tags and fields under ``schema``, none of which was refused or new."""

    schema: Schema
    tags: list[str]
    fields: list[str]


class WideAdmission:
    """Decides request after request; used by the log's writer alone."""

    def __init__(self, newest: NewestPoints, storage: StorageSettings) -> None:
        """Keep the bounds."""
        self.newest = newest
        self._storage = storage
        # The orders of rows whose tags are no longer than they may be.
        self._sound: WeakSet[object] = WeakSet()
        # Of those that came before under the same schema. What their rows may still be refused for are times.
        self._plans: WeakKeyDictionary[object, _Plan] = WeakKeyDictionary()

    def admit(
        self, requests: Sequence[WideRows], schemas: Mapping[str, Schema], times_ms: tuple[int, int]
    ) -> AdmittedRows:
        """Return what of ``requests`` is stored, ends of ``times_ms`` included; each holds one table, and none comes twice."""
        admitted = AdmittedRows()
        for rows in requests:
            if self._admit_known(rows, schemas.get(rows.table), times_ms, admitted):
                continue
            fault = self._table_fault(rows, schemas, admitted)
            if fault:
                admitted.refused += [WideRefusal(line, fault) for line in rows.lines]
            else:
                self._admit_table(rows, schemas.get(rows.table), times_ms, admitted)
        return admitted

    def _admit_known(
        self, rows: WideRows, schema: Schema | None, times_ms: tuple[int, int], admitted: AdmittedRows
    ) -> bool:
        """Take rows whose order came before, all of them; tell whether that was done."""
        plan = None if rows.order is None else self._plans.get(rows.order)
        if plan is None or plan.schema is not schema or _time_faults(rows, times_ms):
            return False
        cells: dict[str, list[Cell]] = {"ts": _listed(rows.ts_ns), "host": _listed(rows.hosts)}
        cells.update(zip(plan.tags, map(_listed, rows.tags.values()), strict=True))
        cells.update(zip(plan.fields, map(_listed, rows.fields.values()), strict=True))
        added = {}
        if (marks := self.newest.marks(rows)) is not None:
            added = {} if AGAIN in schema.columns else {AGAIN: ColumnType.INTEGER}
            cells[AGAIN] = list(marks)
        admitted.accepted += len(rows)
        admitted.tables[rows.table], admitted.tags[rows.table] = cells, plan.tags
        admitted.added[rows.table] = added
        return True

    def _table_fault(self, rows: WideRows, schemas: Mapping[str, Schema], admitted: AdmittedRows) -> str:
        if rows.table in schemas:
            return ""
        lowered = rows.table.lower()
        if any(name.lower() == lowered for name in (*schemas, *admitted.added)):
            return "another measurement's name differs by its case alone"
        if len(schemas) + len(admitted.added) >= self._storage.table_limit:
            return f"the limit of {self._storage.table_limit} tables is reached"
        return table_fault(rows.table)

    def _admit_table(
        self, rows: WideRows, schema: Schema | None, times_ms: tuple[int, int], admitted: AdmittedRows
    ) -> None:
        columns = _Columns(schema, self._storage.column_limit)
        # Lists are shared with the request, and with others that have the same order of rows: nobody writes to them.
        cells: dict[str, list[Cell]] = {"ts": _listed(rows.ts_ns), "host": _listed(rows.hosts)}
        tags: list[str] = []
        fields: list[str] = []
        are_sound = rows.order is not None and rows.order in self._sound
        for key, texts in rows.tags.items():
            if name := columns.take(key, texts, ColumnType.TAG, is_sound=are_sound):
                cells[name] = _listed(texts)
                tags.append(name)
        if rows.order is not None and not columns.faults:
            self._sound.add(rows.order)
        for key, values in rows.fields.items():
            if name := columns.take(key, values, rows.types[key]):
                cells[name] = _listed(values)
                fields.append(name)
        faults = {**_time_faults(rows, times_ms), **columns.faults}
        marks = self._marks(rows, faults)
        if marks is not None:
            columns.added.update({} if schema and AGAIN in schema.columns else {AGAIN: ColumnType.INTEGER})
            cells[AGAIN] = list(marks)
        if faults:
            admitted.refused += [WideRefusal(rows.lines[at], faults[at]) for at in sorted(faults)]
            kept = [at for at in range(len(rows)) if at not in faults]
            cells = {name: [values[at] for at in kept] for name, values in cells.items()}
        if not cells["ts"]:
            return
        if schema and rows.order is not None and not columns.faults and not columns.added:
            self._keep(rows, _Plan(schema, tags, fields))
        cells = {name: values for name, values in cells.items() if _has_any(values)}
        admitted.accepted += len(cells["ts"])
        admitted.tables[rows.table] = cells
        admitted.tags[rows.table] = [name for name in tags if name in cells]
        admitted.added[rows.table] = {name: type_ for name, type_ in columns.added.items() if name in cells}

    def _keep(self, rows: WideRows, plan: _Plan) -> None:
        """Remember ``plan``, unless a column of it holds nothing or holds two keys: what has an order has numbers in all fields."""
        columns = [*plan.tags, *plan.fields]
        is_whole = all(map(_has_any, rows.tags.values())) and len(set(columns)) == len(columns)
        if rows.order is not None and is_whole:
            self._plans[rows.order] = plan

    def _marks(self, rows: WideRows, faults: Mapping[int, str]) -> list[int | None] | None:
        """Return the mark of each row; a row at fault is no point, so no other comes after it."""
        if not faults:
            return self.newest.marks(rows)
        kept = [at for at in range(len(rows)) if at not in faults]
        times, hosts = [rows.ts_ns[at] for at in kept], [rows.hosts[at] for at in kept]
        tags = {name: [texts[at] for at in kept] for name, texts in rows.tags.items()}
        found = self.newest.marks(replace(rows, ts_ns=times, hosts=hosts, tags=tags, order=None))
        if found is None:
            return None
        marks = dict(zip(kept, found, strict=True))
        return [marks.get(at) for at in range(len(rows))]


def _time_faults(rows: WideRows, times_ms: tuple[int, int]) -> dict[int, str]:
    oldest, newest = (time * _MS_NS for time in times_ms)
    if min(rows.ts_ns) >= oldest and max(rows.ts_ns) <= newest:
        return {}
    return {
        at: "older than raw retention" if ts < oldest else "ahead of the server's clock"
        for at, ts in enumerate(rows.ts_ns)
        if not oldest <= ts <= newest
    }


class _Columns:
    """The columns of one table while a request's keys find theirs; ``faults`` says which rows cannot be stored."""

    def __init__(self, schema: Schema | None, limit: int) -> None:
        self._known: Mapping[str, ColumnType] = schema.columns if schema else {}
        self._limit = limit
        # Made by the first key that is new.
        self._lowered: set[str] | None = None
        self.added: dict[str, ColumnType] = {}
        self.faults: dict[int, str] = {}

    def take(self, key: str, values: Sequence[Cell], type_: ColumnType, *, is_sound: bool = False) -> str:
        """Return the column for ``key``, empty when there is none: the rows that have a value there are at fault then.

        Values that are ``is_sound`` were measured before.
        """
        name = column_name(key)
        fault = "a key has signs that no column's name can have, or is too long" if name is None else ""
        if name is not None:
            fault = self._fault(name, type_) or ("" if is_sound else _text_fault(values, type_))
        if fault:
            for at, value in enumerate(values):
                if value is not None:
                    self.faults.setdefault(at, f"{key[:80]!r}: {fault}")
            return ""
        assert name is not None
        if name not in self._known:
            self.added[name] = type_
            self._lower().add(name.lower())
        return name

    def _lower(self) -> set[str]:
        if self._lowered is None:
            self._lowered = {name.lower() for name in self._known}
        return self._lowered

    def _fault(self, name: str, type_: ColumnType) -> str:
        known = self._known.get(name) or self.added.get(name)
        if known is None:
            if name.lower() in self._lower():
                return "another key differs by its case alone"
            count = len(self._known) + len(self.added)
            return "" if count < self._limit else f"the limit of {self._limit} columns is reached"
        return "" if known is type_ else f"type conflict: it is {type_.value}, and {known.value} was there before"


def _listed(values: Sequence[Cell]) -> list[Cell]:
    return values if isinstance(values, list) else list(values)


def _has_any(values: Sequence[Cell]) -> bool:
    # Nearly always the first one tells.
    return values[0] is not None or values.count(None) < len(values)


def _text_fault(values: Sequence[Cell], type_: ColumnType) -> str:
    if type_ not in _TEXTS:
        return ""
    # Tags repeat: each text is measured once.
    longest = max((len(value) for value in set(values) if isinstance(value, str)), default=0)
    return f"a text exceeds {TEXT_LIMIT} characters" if longest > TEXT_LIMIT else ""
