"""Single data points in their protobuf form: where their numbers stand, and the bytes that name their series.

Each field is looked at once. What has a field twice, or one that is not known here, is left to the walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nagare.interop.otlp.cut import NUMBER_BYTES
from nagare.interop.protobuf import fields

# Tags of fields, as the one byte that every sender writes.
_NUMBER_ATTRIBUTES, _NUMBER_EXEMPLARS, _NUMBER_FLAGS = 0x3A, 0x2A, 0x40
START, TIME, DOUBLE, SIGNED = 0x11, 0x19, 0x21, 0x31
COUNT, SUM, BUCKETS, BOUNDS = 0x21, 0x29, 0x32, 0x3A
_HISTOGRAM_ATTRIBUTES, _HISTOGRAM_EXEMPLARS, _HISTOGRAM_FLAGS, _MIN, _MAX = 0x4A, 0x42, 0x50, 0x59, 0x61
_NO_VALUE = 1  # DataPointFlags: this series ended


class UnusualError(Exception):
    """Something that only the walk reads; never leaves the codec."""


@dataclass(slots=True)
class Point:
    """A data point: its attributes as they stand, the places of its numbers (by tag, ``unread`` for those not asked for)."""

    attributes: bytes = b""
    places: dict[int, int] = field(default_factory=dict)
    unread: list[int] = field(default_factory=list)
    # The places of a histogram's counts, and its bounds as they stand.
    buckets: range = range(0)
    bounds: bytes = b""
    has_ended: bool = False
    has_exemplars: bool = False


def read_number(content: bytes, begin: int, end: int) -> Point:
    """Return the NumberDataPoint between ``begin`` and ``end``. Raises UnusualError, InputError."""
    point, at = Point(), begin
    attributes: list[bytes] = []
    for found in fields(content, begin, end):
        tag = content[at]
        if tag == _NUMBER_ATTRIBUTES:
            attributes.append(content[at : found.end])
        elif tag in (TIME, DOUBLE, SIGNED):
            _place(point, tag, found.start)
        elif tag == START:
            point.unread.append(found.start)
        elif tag == _NUMBER_FLAGS:
            point.has_ended = bool(found.start & _NO_VALUE)
        elif tag == _NUMBER_EXEMPLARS:
            point.has_exemplars = True
        else:
            raise UnusualError
        at = found.end
    point.attributes = b"".join(attributes)
    if DOUBLE in point.places and SIGNED in point.places:
        raise UnusualError
    return point


def read_histogram(content: bytes, begin: int, end: int) -> Point:
    """Return the HistogramDataPoint between ``begin`` and ``end``. Raises UnusualError, InputError."""
    point, at = Point(), begin
    attributes: list[bytes] = []
    for found in fields(content, begin, end):
        tag = content[at]
        if tag == _HISTOGRAM_ATTRIBUTES:
            attributes.append(content[at : found.end])
        elif tag in (TIME, COUNT, SUM):
            _place(point, tag, found.start)
        elif tag == BUCKETS and (found.end - found.start) % NUMBER_BYTES == 0:
            _place(point, tag, found.start)
            point.buckets = range(found.start, found.end, NUMBER_BYTES)
        elif tag == BOUNDS:
            _place(point, tag, found.start)
            point.bounds = content[found.start : found.end]
        elif tag in (START, _MIN, _MAX):
            point.unread.append(found.start)
        elif tag == _HISTOGRAM_FLAGS:
            point.has_ended = bool(found.start & _NO_VALUE)
        elif tag == _HISTOGRAM_EXEMPLARS:
            point.has_exemplars = True
        else:
            raise UnusualError
        at = found.end
    point.attributes = b"".join(attributes)
    return point


def _place(point: Point, tag: int, at: int) -> None:
    if tag in point.places:
        raise UnusualError
    point.places[tag] = at
