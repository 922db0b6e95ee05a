"""The series of data points that were met before, found by the bytes of their attributes: labels are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nagare.interop.otlp.names import labels_of
from nagare.model.samples import SeriesId, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

# Some 500 bytes each; past it all are forgotten and met anew.
_POINTS_LIMIT = 100_000
Base = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class PointSeries:
    """The series of one data point by the end of their name and the value of their further label."""

    name: str
    labels: dict[str, str]
    numbers: dict[tuple[str, ...], SeriesId] = field(default_factory=dict)

    def number(self, intern: SeriesIntern, suffix: str, more: Mapping[str, str]) -> SeriesId:
        """Return the number of one of its series. Raises InvalidLabelError."""
        key = (suffix, *more.values())
        number = self.numbers.get(key)
        if number is None:
            labels = {name: text for name, text in {**self.labels, **more}.items() if text}
            number = intern.intern(self.name + suffix, labels)
            # A refusal may end: it is not remembered.
            if number >= 0:
                self.numbers[key] = number
        return number


class KnownPoints:
    """Finds the series of data points."""

    def __init__(self) -> None:
        """Begin empty."""
        self._points: dict[tuple[str | Base | bytes, ...], PointSeries] = {}

    def get(self, name: str, base: Base, attributes: Iterable[KeyValue]) -> PointSeries:
        """Return the series of a point of the metric ``name`` with these attributes and the labels ``base``."""
        attributes = list(attributes)
        key = (name, base, *[each.SerializeToString(deterministic=True) for each in attributes])
        found = self._points.get(key)
        if found is None:
            if len(self._points) >= _POINTS_LIMIT:
                self._points.clear()
            found = self._points[key] = PointSeries(name, {**labels_of(attributes), **dict(base)})
        return found
