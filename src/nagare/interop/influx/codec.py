"""Bodies of the line protocol to columns, one table a measurement.

A line's series is looked up by its bytes and its fields are read by the pattern of the line before; what neither knows
is read with care, once. A body with a malformed line is refused whole, with the line's number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nagare.errors import InputError, PermissionDeniedError
from nagare.interop.host_bound import check_claims
from nagare.interop.influx.grammar import (
    INT64_MAX,
    INT64_MIN,
    FieldValue,
    Head,
    UnclosedTextError,
    read_fields,
    read_head,
)
from nagare.interop.influx.layouts import Layout, layout_of
from nagare.interop.influx.orders import Attempts, Numbers, Order, Orders, Tokens
from nagare.interop.influx.series import Series, Shape, Template
from nagare.model.samples import host_of
from nagare.model.tables import ColumnType
from nagare.model.wide import HOST, INFLUX_PREFIX, WideCell, WideRefusal, WideRows

# What a remembered series and each layout of it cost, about, beside the bytes of its head.
_HEAD_BYTES, _LAYOUT_BYTES = 800, 800
# Up to here, some twenty lines, reading one after the other costs less than numpy's calls do.
SMALL_BYTES = 2048
# A text runs over so many lines at the most.
_JOINED_LINES = 100


@dataclass(slots=True)
class _Group:
    """Lines of one shape and one layout, their values still as bytes."""

    series: list[Series] = field(default_factory=list)
    rows: list[tuple[bytes, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Careful:
    """A line that was read with care."""

    series: Series
    values: list[FieldValue]
    ts_ns: int
    line: int


@dataclass(frozen=True, slots=True)
class Lines:
    """A body: its rows, each table once, and the lines whose fields have another type than earlier lines gave them."""

    tables: list[WideRows]
    refused: list[WideRefusal]


class InfluxCodec:
    """Reads bodies; may be called from several threads, which take turns."""

    def __init__(
        self, memory_bytes: int = 64 * 2**20, *, host: str | None = None, small_bytes: int = SMALL_BYTES
    ) -> None:
        """Remember series in at most ``memory_bytes``; with ``host`` all lines are that host's.

        Bodies of fewer than ``small_bytes`` are always read line by line.
        """
        self._host = host
        self._small = small_bytes
        self._limit = memory_bytes * 3 // 4
        self._held = 0
        self.orders = Orders(memory_bytes // 4)
        # The templates of the heads whose latest line had nothing but numbers.
        self._templates: dict[bytes, Template] = {}
        # Whether any series has lines of several layouts.
        self._has_choice = False
        self._attempts = Attempts()
        self._series: dict[bytes, Series] = {}
        self._shapes: dict[tuple[str, tuple[str, ...]], Shape] = {}
        # Guards what is remembered.
        self._lock = threading.Lock()

    def decode(self, body: bytes, unit_ns: int, now_ns: int) -> Lines:
        """Return the rows in ``body``, whose times count units of ``unit_ns``; a line without a time gets ``now_ns``.

        Raises InputError that names the first faulty line, PermissionDeniedError for a line of another host.
        """
        with self._lock:
            found = self._attempt(body, unit_ns, now_ns)
            return _Reading(self, unit_ns, now_ns).read(body) if found is None else found

    def _attempt(self, body: bytes, unit_ns: int, now_ns: int) -> Lines | None:
        head = body[: body.find(b" ")]
        if len(body) < self._small or not self._attempts.is_worth(head):
            return None
        found = _Reading(self, unit_ns, now_ns).find(body)
        # Where the beginning is new there was nothing to try.
        if found is not None or head in self._templates:
            self._attempts.note(head, is_taken=found is not None)
        return found

    def find(self, head: bytes) -> Series | None:
        """Return the series of a head that was met before."""
        return self._series.get(head)

    def template(self, head: bytes) -> Template | None:
        """Return what a line that begins with ``head`` should look like, None when it is to be read by itself."""
        return self._templates.get(head)

    def templates(self, lines: Sequence[bytes]) -> list[Template | None]:
        """Return the ``template`` of each of ``lines``."""
        get = self._templates.get
        found = [get(line[: line.find(b" ")]) for line in lines]
        if not self._has_choice:
            return found
        return [each and each.fitting(line) for each, line in zip(found, lines, strict=True)]

    def note(self, head: bytes, series: Series, layout: Layout) -> None:
        """Remember the layout of the latest line of a head that was met before."""
        if series.note(head, layout):
            self._held += len(head) + _LAYOUT_BYTES
            self._has_choice |= len(series.layouts) > 1
        template = series.layouts[layout]
        if template is not None:
            self._templates[head] = template
        else:
            self._templates.pop(head, None)

    def learn(self, raw: bytes, head: Head) -> Series:
        """Return the series of ``head``, whose bytes are ``raw``, and remember it.

        Raises PermissionDeniedError for a line of another host than all are to be of.
        """
        tags = dict(head.tags)
        if self._host is not None:
            check_claims(head.tags, self._host)
        host = host_of(tags) if self._host is None else self._host
        tags.pop(HOST, None)
        key = (head.measurement, tuple(tags))
        shape = self._shapes.setdefault(key, Shape(*key))
        series = Series(shape, host, tuple(tags.values()))
        if self._held > self._limit:
            self._series, self._shapes, self._templates, self._held = {}, {key: shape}, {}, 0
        self._series[raw] = series
        self._held += len(raw) + _HEAD_BYTES
        return series


class _Reading:
    """One body on its way."""

    def __init__(self, codec: InfluxCodec, unit_ns: int, now_ns: int) -> None:
        self._codec = codec
        self._unit_ns = unit_ns
        self._now_ns = now_ns
        self._groups: dict[tuple[Shape, Layout], _Group] = {}
        self._ordered: list[WideRows] = []
        self._careful: list[_Careful] = []
        self._refused: list[WideRefusal] = []

    def find(self, body: bytes) -> Lines | None:
        """Return the same as ``read`` for a body most of whose lines look like the latest ones of their series, else None."""
        text = body if body.endswith(b"\n") else body + b"\n"
        first = self._codec.template(text[: text.find(b" ")])
        tokens = Tokens.of(text) if first is not None else None
        if first is not None and tokens is not None and (order := self._codec.orders.find(first)) is not None:
            numbers = order.read(tokens)
            if numbers is not None:
                return self._ordered_lines(order, numbers, range(1, 1 + len(numbers.stamps)))
        return self._find_by_line(text, tokens)

    def _find_by_line(self, text: bytes, tokens: Tokens | None) -> Lines | None:
        lines = text.split(b"\n")[:-1]
        templates = self._codec.templates(lines)
        known = [template for template in templates if template is not None]
        if 2 * len(known) < len(lines) or not known:
            return None
        places: Sequence[int] = range(1, len(lines) + 1)
        if len(known) < len(lines) or tokens is None:
            if not self._are_whole(lines, [number for number, each in enumerate(templates) if each is None]):
                return None
            places = [number + 1 for number, each in enumerate(templates) if each is not None]
            tokens = Tokens.of(b"".join([lines[place - 1] + b"\n" for place in places]))
        order = self._codec.orders.get(known)
        numbers = order.read(tokens)
        return None if numbers is None else self._ordered_lines(order, numbers, places)

    def _are_whole(self, lines: Sequence[bytes], numbers: Sequence[int]) -> bool:
        """Read the lines with ``numbers``; return False when one is at fault or goes on in the next."""
        try:
            return all(self._read_line(lines, number) == number + 1 for number in numbers)
        except (InputError, PermissionDeniedError):
            # Another line at fault may stand before it.
            return False

    def _ordered_lines(self, order: Order, numbers: Numbers, places: Sequence[int]) -> Lines | None:
        unit = self._unit_ns
        stamps = [stamp * unit for stamp in numbers.stamps]
        if min(stamps) < INT64_MIN or max(stamps) > INT64_MAX:
            return None
        for rows in order.rows:
            self._ordered.append(
                WideRows(
                    table=INFLUX_PREFIX + rows.shape.measurement,
                    ts_ns=list(rows.lines(stamps)),
                    hosts=rows.hosts,
                    tags=rows.tags,
                    fields=dict(zip(rows.layout.keys, rows.fields(numbers), strict=True)),
                    types=dict(zip(rows.layout.keys, rows.layout.types, strict=True)),
                    lines=list(rows.lines(places)),
                    order=rows,
                )
            )
        return Lines(list(self._tables()), self._refused)

    def read(self, body: bytes) -> Lines:
        """Return the rows in ``body``, line by line. Raises InputError, PermissionDeniedError."""
        lines, number = body.split(b"\n"), 0
        while number < len(lines):
            number = self._read_line(lines, number)
        return Lines(list(self._tables()), self._refused)

    def _read_line(self, lines: Sequence[bytes], number: int) -> int:
        """Read the line at ``number`` and return the number of the next, by the layout of its series if it has that."""
        line = lines[number]
        head, _, rest = line.partition(b" ")
        series = self._codec.find(head)
        if series is not None and (known := series.match(rest)) is not None:
            layout, found = known
            group = self._groups.get((series.shape, layout))
            if group is None:
                group = self._groups[series.shape, layout] = _Group()
            group.series.append(series)
            group.rows.append(found.groups())
            group.lines.append(number + 1)
        elif line and not line.isspace() and line[:1] != b"#":
            return self._read_with_care(lines, number)
        return number + 1

    def _read_with_care(self, lines: Sequence[bytes], number: int) -> int:
        """Read the line at ``number``, and those into which a text of it runs; return the number of the next."""
        try:
            return self._take_apart(lines, number)
        except InputError as error:
            raise _at_line(number + 1, error.message) from error

    def _take_apart(self, lines: Sequence[bytes], number: int) -> int:
        line, after = lines[number].lstrip(b" \t"), number + 1
        head = read_head(line)
        fields = _fields(line, head.end)
        while fields is None and after < len(lines) and after - number <= _JOINED_LINES:
            more, after = lines[after], after + 1
            line = line + b"\n" + more
            # Only a quote can close the text.
            fields = _fields(line, head.end) if b'"' in more else None
        if fields is None:
            raise InputError("a text has no closing quote")
        values, stamp = fields
        raw = line[: head.end - 1]
        series = self._codec.find(raw) or self._codec.learn(raw, head)
        layout = layout_of(values)
        if layout is not None:
            self._codec.note(raw, series, layout)
        self._careful.append(_Careful(series, values, self._time(stamp), number + 1))
        return after

    def _time(self, stamp: int | None) -> int:
        if stamp is None:
            return self._now_ns
        ts_ns = stamp * self._unit_ns
        if not INT64_MIN <= ts_ns <= INT64_MAX:
            raise InputError("its time does not fit into 64 bits of nanoseconds")
        return ts_ns

    def _tables(self) -> Iterator[WideRows]:
        parts: dict[str, list[WideRows]] = {}
        for rows in self._ordered:
            parts.setdefault(rows.table, []).append(rows)
        for (shape, layout), group in self._groups.items():
            parts.setdefault(INFLUX_PREFIX + shape.measurement, []).append(self._part(shape, layout, group))
        for careful in self._careful:
            parts.setdefault(INFLUX_PREFIX + careful.series.shape.measurement, []).append(_single(careful))
        for tables in parts.values():
            yield tables[0] if len(tables) == 1 else _joined(self._agreeing(tables))

    def _agreeing(self, parts: Sequence[WideRows]) -> list[WideRows]:
        """Return the parts of one table that agree on the types of fields with those that began before them."""
        types: dict[str, ColumnType] = {}
        kept: list[WideRows] = []
        for part in sorted(parts, key=lambda part: part.lines[0]):
            other = next((key for key, type_ in part.types.items() if types.get(key, type_) is not type_), None)
            if other is None:
                types.update(part.types)
                kept.append(part)
                continue
            cause = f"{other[:80]!r}: type conflict: it is {part.types[other].value}, and {types[other].value} stands before it"
            self._refused += [WideRefusal(line, cause) for line in part.lines]
        return kept

    def _part(self, shape: Shape, layout: Layout, group: _Group) -> WideRows:
        try:
            columns = layout.columns(group.rows)
        except UnicodeDecodeError as error:
            raise InputError("cannot read lines: a text is no UTF-8") from error
        unit, now_ns = self._unit_ns, self._now_ns
        stamps = [int(row[-1]) * unit if row[-1] else now_ns for row in group.rows]
        unlawful = [] if min(stamps) >= INT64_MIN and max(stamps) <= INT64_MAX else stamps
        for place in (at for at, stamp in enumerate(unlawful) if not INT64_MIN <= stamp <= INT64_MAX):
            raise _at_line(group.lines[place], "its time does not fit into 64 bits of nanoseconds")
        tags = zip(*(series.tags for series in group.series), strict=True)
        return WideRows(
            table=INFLUX_PREFIX + shape.measurement,
            ts_ns=stamps,
            hosts=[series.host for series in group.series],
            tags=dict(zip(shape.keys, map(list, tags), strict=True)),
            fields=dict(zip(layout.keys, columns, strict=True)),
            types=dict(zip(layout.keys, layout.types, strict=True)),
            lines=group.lines,
        )


def _at_line(number: int, cause: str) -> InputError:
    return InputError(f"cannot read line {number}: {cause}", errors=[{"line": number, "detail": cause}])


def _fields(line: bytes, at: int) -> tuple[list[FieldValue], int | None] | None:
    try:
        return read_fields(line, at)
    except UnclosedTextError:
        return None


def _single(careful: _Careful) -> WideRows:
    series = careful.series
    # Of a field that stands there twice the last one counts.
    values = {value.key: value for value in careful.values}
    return WideRows(
        table=INFLUX_PREFIX + series.shape.measurement,
        ts_ns=[careful.ts_ns],
        hosts=[series.host],
        tags={key: [value] for key, value in zip(series.shape.keys, series.tags, strict=True)},
        fields={key: [value.value] for key, value in values.items()},
        types={key: value.type for key, value in values.items()},
        lines=[careful.line],
    )


def _joined(parts: Sequence[WideRows]) -> WideRows:
    """Return the rows of all parts of one table, in the order of their lines."""
    order = sorted((line, part, row) for part, rows in enumerate(parts) for row, line in enumerate(rows.lines))
    types = {key: type_ for part in parts for key, type_ in part.types.items()}

    def gathered(columns: Sequence[Sequence[WideCell] | None]) -> list[WideCell]:
        return [None if (column := columns[part]) is None else column[row] for _, part, row in order]

    tags = dict.fromkeys(key for part in parts for key in part.tags)
    return WideRows(
        table=parts[0].table,
        ts_ns=[parts[part].ts_ns[row] for _, part, row in order],
        hosts=[parts[part].hosts[row] for _, part, row in order],
        tags={key: [_as_text(cell) for cell in gathered([part.tags.get(key) for part in parts])] for key in tags},
        fields={key: gathered([part.fields.get(key) for part in parts]) for key in types},
        types=types,
        lines=[line for line, _, _ in order],
    )


def _as_text(cell: WideCell) -> str | None:
    return None if cell is None else str(cell)
