"""Remote write 2.0, ``io.prometheus.write.v2.Request``: labels are numbers of a table of texts that each request brings.

A table that came before keeps what its numbers meant, so a sender that repeats itself costs one look-up a series.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from nagare.errors import InputError
from nagare.interop.protobuf import BYTES, VARINT, Field, expect, fields, read_varint
from nagare.interop.remote_write.decoded import Collected, number_of
from nagare.interop.remote_write.v1 import METADATA_TYPES, read_sample
from nagare.model.samples import MetricMetadata, SeriesId, SeriesIntern

_SYMBOLS, _TIMESERIES = 4, 5
_LABEL_REFS, _SAMPLES, _HISTOGRAMS, _EXEMPLARS, _METADATA = 1, 2, 3, 4, 5
_TABLES = 64


@dataclass(slots=True)
class _Table:
    """The texts of a request, and the series that their numbers stood for so far."""

    symbols: list[bytes]
    series: dict[bytes, SeriesId] = field(default_factory=dict)
    said: dict[bytes, MetricMetadata] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)


class Tables:
    """The tables that came lately, by their bytes."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold tables of at most ``limit_bytes`` together."""
        self._limit = limit_bytes
        self._held = 0
        self._tables: OrderedDict[bytes, _Table] = OrderedDict()

    def get(self, key: bytes, symbols: list[bytes]) -> _Table:
        """Return the table of those bytes, a new one when they are new."""
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = _Table(symbols)
            # What is remembered of its series is of the order of the table itself.
            self._held += 4 * len(key)
        self._tables.move_to_end(key)
        while len(self._tables) > 1 and (self._held > self._limit or len(self._tables) > _TABLES):
            gone, _ = self._tables.popitem(last=False)
            self._held -= 4 * len(gone)
        return table


def walk(body: bytes, intern: SeriesIntern, tables: Tables) -> Collected:
    """Return everything in ``body``. Raises InputError."""
    symbols: list[Field] = []
    series: list[Field] = []
    for found in fields(body, 0, len(body)):
        if found.number == _SYMBOLS:
            expect(found, BYTES)
            symbols.append(found)
        elif found.number == _TIMESERIES:
            expect(found, BYTES)
            series.append(found)
    table = _table(body, symbols, tables)
    collected = Collected()
    for whole in series:
        _take_series(body, whole, table, intern, collected)
    return collected


def _table(body: bytes, spans: list[Field], tables: Tables) -> _Table:
    symbols = [body[span.start : span.end] for span in spans]
    if symbols and symbols[0]:
        raise InputError("cannot read request: the first of its symbols must be empty")
    # Between the first and the last symbol stands nothing else in what senders write; if something does, the bytes
    # still name the table, only more narrowly.
    return tables.get(body[spans[0].start : spans[-1].end] if spans else b"", symbols)


def _take_series(body: bytes, whole: Field, table: _Table, intern: SeriesIntern, collected: Collected) -> None:
    refs = b""
    samples: list[tuple[int, float]] = []
    said: Field | None = None
    for found in fields(body, whole.start, whole.end):
        number = found.number
        if number == _LABEL_REFS:
            refs += _refs(body, found)
        elif number == _SAMPLES:
            expect(found, BYTES)
            samples.append(read_sample(body, found))
        elif number == _HISTOGRAMS:
            collected.histograms += 1
        elif number == _EXEMPLARS:
            collected.exemplars += 1
        elif number == _METADATA:
            expect(found, BYTES)
            said = found
    if samples:
        collected.add(_series(refs, table, intern), samples)
    if said is not None and said.end > said.start:
        _take_metadata(body[said.start : said.end], refs, table, collected)


def _refs(body: bytes, found: Field) -> bytes:
    # Packed as every sender writes it; one by one is lawful too.
    if found.kind == BYTES:
        return body[found.start : found.end]
    expect(found, VARINT)
    packed = bytearray()
    value = found.start
    while value >= 0x80:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _series(refs: bytes, table: _Table, intern: SeriesIntern) -> SeriesId:
    known = table.series.get(refs)
    if known is not None:
        return known
    series = number_of(intern, _pairs(refs, table.symbols))
    if series >= 0:
        table.series[refs] = series
    return series


def _pairs(refs: bytes, symbols: list[bytes]) -> list[tuple[bytes, bytes]]:
    numbers: list[int] = []
    at = 0
    while at < len(refs):
        number, at = read_varint(refs, at, len(refs))
        if number >= len(symbols):
            raise InputError(f"cannot read request: there is no symbol {number}")
        numbers.append(number)
    if len(numbers) % 2:
        raise InputError("cannot read request: a series has a label without a value")
    return [(symbols[name], symbols[value]) for name, value in zip(numbers[::2], numbers[1::2], strict=True)]


def _take_metadata(span: bytes, refs: bytes, table: _Table, collected: Collected) -> None:
    name = table.names.get(refs)
    if name is None:
        pairs = dict(_pairs(refs, table.symbols))
        name = table.names[refs] = pairs.get(b"__name__", b"").decode(errors="replace")
    if name in collected.metadata or not name:
        return
    said = table.said.get(span)
    if said is None:
        said = table.said[span] = read_metadata("", span, table.symbols)
    collected.metadata[name] = MetricMetadata(name, said.type, said.unit, said.help)


def read_metadata(name: str, span: bytes, symbols: list[bytes]) -> MetricMetadata:
    """Return what the Metadata message ``span`` says of the metric ``name``. Raises InputError."""
    numbers = {1: 0, 3: 0, 4: 0}
    for found in fields(span, 0, len(span)):
        if found.number in numbers:
            expect(found, VARINT)
            numbers[found.number] = found.start
    if max(numbers[3], numbers[4]) >= max(1, len(symbols)):
        raise InputError("cannot read request: its metadata name a symbol that is not there")
    help_, unit = (symbols[number].decode(errors="replace") if symbols else "" for number in (numbers[3], numbers[4]))
    kind = numbers[1]
    return MetricMetadata(name, METADATA_TYPES[kind] if kind < len(METADATA_TYPES) else "", unit, help_)
