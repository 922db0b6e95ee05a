"""The quick way through an OTLP request in protobuf: its tree is followed by lengths alone, its series are looked up by bytes.

Why its answer is the walk's answer. The protobuf library has read the whole request before, so every length is sound, and
what is not known here is found there. The bytes of a resource, of a metric without its points and of a point's
attributes are looked up whole; the first time each is met, the walk's own functions make labels of it. A metric in
which anything is unusual is left to the walk, and so is a request whose outer shape is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nagare.errors import InputError, InvalidLabelError
from nagare.interop.otlp.cut import Cut, Marks
from nagare.interop.otlp.known import KnownOrigin, KnownTree, Parent
from nagare.interop.otlp.points import (
    COUNT,
    DOUBLE,
    SIGNED,
    START,
    SUM,
    TIME,
    Point,
    UnusualError,
    read_histogram,
    read_number,
)
from nagare.interop.otlp.walk import Walk
from nagare.interop.protobuf import read_varint
from nagare.model.samples import STALE_BITS, SeriesId

if TYPE_CHECKING:
    from collections.abc import Sequence

# Tags of fields that are messages or texts, as the one byte that every sender writes.
_POINTS = _RESOURCE = _RESOURCE_METRICS = 0x0A
_SCOPE_METRICS = _METRICS = 0x12
_SCHEMA_URL = 0x1A
_NAME_DESCRIPTION_UNIT = (0x0A, 0x12, 0x1A)
_GAUGE, _SUM, _HISTOGRAM = 0x2A, 0x3A, 0x4A
# Zeros behind the body, so that what ends early reads as something unusual.
_PADDING = 32
# Bytes of a number with its tag.
_NUMBER = 9


@dataclass(slots=True)
class Reading:
    """One request on its way: its bytes, what is known of their parts, and the walk for what is not."""

    content: bytes
    size: int
    tree: KnownTree
    walk: Walk
    marks: Marks

    @staticmethod
    def of(body: bytes, tree: KnownTree, walk: Walk) -> Reading:
        """Return the reading of ``body``."""
        return Reading(body + bytes(_PADDING), len(body), tree, walk, Marks())

    def cut(self, request: Any) -> Cut | None:
        """Return the body cut up, None when the walk must read all of it; ``request`` is what the library read of it."""
        at = 0
        try:
            for resource in request.resource_metrics:
                if self.content[at] != _RESOURCE_METRICS:
                    return None
                begin, at = self._span(at)
                self._resource(begin, at, resource)
        except (UnusualError, InputError):
            return None
        # Deltas of one series must be added up in their order, which two ways through one request would lose.
        if at != self.size or (self.marks.deltas and self.walk.points):
            return None
        return self.marks.cut(self.walk.rows, tuple(self.walk.said.values()))

    def _span(self, at: int) -> tuple[int, int]:
        """Return where the content of the field with its tag at ``at`` begins and ends."""
        content = self.content
        length, begin = content[at + 1], at + 2
        if length >= 0x80:
            if content[begin] >= 0x80:
                length, begin = read_varint(content, at + 1, self.size)
            else:
                length, begin = length & 0x7F | content[begin] << 7, begin + 1
        return begin, begin + length

    def _resource(self, begin: int, end: int, resource: Any) -> None:
        content, at, first = self.content, begin, len(self.marks.series)
        key = b""
        if at < end and content[at] == _RESOURCE:
            start, at = self._span(at)
            key = content[start:at]
        origin = self.tree.origin(key, resource.resource)
        scopes = iter(resource.scope_metrics)
        while at < end:
            tag = content[at]
            start, stop = self._span(at)
            if tag == _SCOPE_METRICS:
                self._scope(start, stop, origin, next(scopes).metrics)
            elif tag != _SCHEMA_URL:
                raise UnusualError
            at = stop
        if len(self.marks.series) > first and origin.origin.info:
            series = origin.info(self.walk.intern)
            if series is not None:
                self.marks.add_info(first, series, self.size)

    def _scope(self, begin: int, end: int, origin: KnownOrigin, metrics: Sequence[Any]) -> None:
        at, number = begin, 0
        while at < end:
            tag = self.content[at]
            if tag not in _NAME_DESCRIPTION_UNIT:
                raise UnusualError
            start, at = self._span(at)
            # Scope and URL of the schema stand in no label.
            if tag == _METRICS:
                self._metric(start, at, origin, metrics, number)
                number += 1

    def _metric(self, begin: int, end: int, origin: KnownOrigin, metrics: Sequence[Any], number: int) -> None:
        sizes = self.marks.sizes()
        try:
            self._points(begin, end, origin, metrics, number)
        except (UnusualError, InputError, InvalidLabelError):
            self.marks.cut_back(sizes)
            self._take_otherwise(origin, metrics[number])

    def _points(self, begin: int, end: int, origin: KnownOrigin, metrics: Sequence[Any], number: int) -> None:
        content, at = self.content, begin
        while at < end and content[at] in _NAME_DESCRIPTION_UNIT:
            _, at = self._span(at)
        if at >= end or content[at] not in (_GAUGE, _SUM, _HISTOGRAM):
            raise UnusualError
        header = content[begin : at + 1]
        begin, stop = self._span(at)
        if stop != end:
            raise UnusualError
        metric = self.tree.find(header)
        if metric is None or not self._ends_with(metric.rest, header, stop):
            rest = content[self._end_of_points(begin, stop) : stop]
            metric = self.tree.metric(header, rest, metrics[number])
        first, fixed = len(self.marks.series), len(self.marks.fixed)
        parent, stop = Parent(origin, metric, origin.prefix + metric.prefix), stop - len(metric.rest)
        if metric.is_histogram:
            self._histograms(begin, stop, parent)
        else:
            self._numbers(begin, stop, parent)
        if metric.instrument.is_delta:
            ended = set(self.marks.fixed[fixed:])
            self.marks.deltas += [at for at in range(first, len(self.marks.series)) if at not in ended]
        self.walk.said[metric.instrument.name] = metric.instrument.said

    def _ends_with(self, rest: bytes, header: bytes, end: int) -> bool:
        # Nothing stands behind the points of a gauge; that nothing does elsewhere is worth a look.
        return self.content.startswith(rest, end - len(rest), end) if rest else header[-1] == _GAUGE

    def _end_of_points(self, begin: int, end: int) -> int:
        at = begin
        while at < end and self.content[at] == _POINTS:
            _, at = self._span(at)
        return at

    def _numbers(self, begin: int, end: int, parent: Parent) -> None:
        content, marks, prefix = self.content, self.marks, parent.prefix
        get, span = self.tree.numbers.getter, self._span
        at, first = begin, len(marks.series)
        while at < end:
            if content[at] != _POINTS:
                raise UnusualError
            start, at = span(at)
            unread, place, attributes = _usual_number(content, start, at)
            tag = content[place - 1]
            series = get(prefix + attributes) if tag in (DOUBLE, SIGNED) else None
            if series is None:
                self._number(read_number(content, start, at), parent)
                get = self.tree.numbers.getter
                continue
            if tag == SIGNED:
                marks.signed.append(len(marks.series))
            if unread:
                marks.unread.append(unread)
            marks.series.append(series)
            marks.places.append(place)
            marks.time_places.append(place - _NUMBER)
        if at != end:
            raise UnusualError
        marks.points += len(marks.series) - first

    def _number(self, point: Point, parent: Parent) -> None:
        marks, at = self.marks, len(self.marks.series)
        place = point.places.get(DOUBLE, point.places.get(SIGNED))
        if place is None and not point.has_ended:
            raise UnusualError
        marks.series.append(self.tree.number(parent, point.attributes, self.walk.intern))
        marks.places.append(self.size if place is None else place)
        marks.time_places.append(point.places.get(TIME, self.size))
        if point.has_ended:
            marks.fix(at, STALE_BITS)
        elif SIGNED in point.places:
            marks.signed.append(at)
        self._note(point)

    def _histograms(self, begin: int, end: int, parent: Parent) -> None:
        at = begin
        while at < end:
            if self.content[at] != _POINTS:
                raise UnusualError
            start, at = self._span(at)
            self.marks.points += 1
            self._histogram(read_histogram(self.content, start, at), parent)
        if at != end:
            raise UnusualError

    def _histogram(self, point: Point, parent: Parent) -> None:
        marks, first, places = self.marks, len(self.marks.series), point.places
        counts = len(point.buckets)
        found = self.tree.histogram(parent, point, self.walk.intern)
        marks.series += found
        marks.places += [*point.buckets[: counts - 1], places.get(COUNT, self.size)]
        # The last bucket has no bound: the count of all stands for it.
        marks.unread += point.buckets[counts - 1 :]
        marks.places += [places[SUM]] if SUM in places else []
        marks.places.append(places.get(COUNT, self.size))
        marks.time_places += [places.get(TIME, self.size)] * len(found)
        end = len(marks.series)
        if point.has_ended:
            for at in range(first, end):
                marks.fix(at, STALE_BITS)
        else:
            bounds = max(0, counts - 1)
            marks.firsts += [len(marks.buckets)] * bounds
            marks.buckets += range(first, first + bounds)
            marks.counts += (first + bounds, end - 1)
        self._note(point)

    def _note(self, point: Point) -> None:
        self.marks.unread += point.unread
        # Exemplars are others each time.
        self.marks.is_repeatable &= not point.has_exemplars

    def _take_otherwise(self, origin: KnownOrigin, metric: Any) -> None:
        rows, marks = self.walk.rows, self.marks
        # What it refused must be told each time.
        marks.is_repeatable = False
        begin = len(rows.series)
        self.walk.metric(metric, origin.origin.base)
        taken = rows.series[begin:]
        marks.told += range(len(marks.series), len(marks.series) + len(taken))
        marks.series += map(SeriesId, taken)
        marks.places += [self.size] * len(taken)
        marks.time_places += [self.size] * len(taken)


def _usual_number(content: bytes, begin: int, end: int) -> tuple[int, int, bytes]:
    """Return where start and value of a NumberDataPoint stand (0: it has none, or is unusual), and what may be its attributes.

    Those stand before or behind all numbers. What is returned is so if the attributes are known: then they are whole fields.
    """
    size = end - begin
    if size >= 2 * _NUMBER and content[begin] == TIME:
        return 0, begin + _NUMBER + 1, content[begin + 2 * _NUMBER : end]
    if size >= 3 * _NUMBER and content[begin] == START and content[begin + _NUMBER] == TIME:
        return begin + 1, begin + 2 * _NUMBER + 1, content[begin + 3 * _NUMBER : end]
    if size >= 2 * _NUMBER and content[end - 2 * _NUMBER] == TIME:
        return 0, end - _NUMBER + 1, content[begin : end - 2 * _NUMBER]
    return 0, 0, b""
