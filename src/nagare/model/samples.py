"""Samples that came by a foreign protocol: columns of series numbers, times and values, never an object a sample.

A codec of ``interop`` turns bytes into ``Samples``, asking a ``SeriesIntern`` for the number of each series that it has
not met; the metric store keeps both. Numbers are never used again for another series while a process runs, so a codec
may remember them for as long as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SeriesId = NewType("SeriesId", int)
# The number of a series that was refused (too many series): its samples are counted, never stored.
REFUSED_SERIES = SeriesId(-1)
# The bits of the value by which Prometheus says "this series ended here"; any other NaN is a value.
STALE_BITS = 0x7FF0000000000002


@dataclass(frozen=True, slots=True)
class Series:
    """A metric name with its label set (without ``__name__``, sorted by label name) and the host that it is about."""

    name: str
    labels: tuple[tuple[str, str], ...]
    host: str


class SeriesIntern(Protocol):
    """Gives each series its number; may be called from any thread."""

    def intern(self, name: str, labels: Mapping[str, str] | Sequence[tuple[str, str]]) -> SeriesId:
        """Return the number of the series, a new one if it is new, or REFUSED_SERIES at the limit of series.

        Raises InvalidLabelError for an empty or duplicate label name and for text that is too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class Samples:
    """One request's samples: three columns of one length, in any order. ``values`` keep the bits that were sent."""

    series: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.series)


@dataclass(frozen=True, slots=True)
class MetricMetadata:
    """What a sender says of a metric: its type (counter, gauge, histogram, summary …), unit and help."""

    name: str
    type: str = ""
    unit: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class SamplesReply:
    """What became of a request: ``accepted`` samples are durable, ``duplicate`` ones were before, ``refused`` by reason."""

    accepted: int
    duplicate: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


def host_of(labels: Mapping[str, str]) -> str:
    """Return the host a series is about: label ``host``, else ``host.name``, else ``instance`` without its port, else empty."""
    host = labels.get("host") or labels.get("host.name") or labels.get("host_name")
    if host:
        return host
    instance = labels.get("instance") or ""
    head, colon, port = instance.rpartition(":")
    if not colon or not port.isdecimal() or (":" in head and not head.startswith("[")):
        return instance
    return head.removeprefix("[").removesuffix("]")
