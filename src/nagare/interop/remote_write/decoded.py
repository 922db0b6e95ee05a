"""What both versions decode to, and how one collects it sample by sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nagare.errors import InvalidLabelError
from nagare.interop.columns import SampleRows
from nagare.model.samples import MetricMetadata, Samples, SeriesId, SeriesIntern

# The number that codecs give to a series whose labels are not lawful: its samples never leave the codec.
UNLAWFUL_SERIES = SeriesId(-2)
UNLAWFUL = "labels"


@dataclass(frozen=True, slots=True)
class Decoded:
    """One request: ``refused`` counts samples by reason; native histograms and exemplars are counted, never taken."""

    samples: Samples
    metadata: tuple[MetricMetadata, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    histograms: int = 0
    exemplars: int = 0


@dataclass(slots=True)
class Collected:
    """A request while it is walked."""

    rows: SampleRows = field(default_factory=SampleRows)
    metadata: dict[str, MetricMetadata] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    histograms: int = 0
    exemplars: int = 0

    def add(self, series: int, samples: Iterable[tuple[int, float]]) -> None:
        """Take the samples of one series, or count them when it is unlawful."""
        for ts_ms, value in samples:
            if series == UNLAWFUL_SERIES:
                self.refused[UNLAWFUL] += 1
            else:
                self.rows.add(series, ts_ms, value)

    def decoded(self) -> Decoded:
        """Return what was collected."""
        metadata = tuple(self.metadata.values())
        return Decoded(self.rows.samples(), metadata, dict(self.refused), self.histograms, self.exemplars)


def number_of(intern: SeriesIntern, pairs: Iterable[tuple[bytes, bytes]]) -> SeriesId:
    """Return the series of the labels ``pairs``, UNLAWFUL_SERIES when they are none; an empty value is no label."""
    try:
        labels = [(name.decode(), value.decode()) for name, value in pairs]
    except UnicodeDecodeError:
        return UNLAWFUL_SERIES
    names = [value for name, value in labels if name == "__name__"]
    if len(names) != 1 or not names[0] or len({name for name, _ in labels}) < len(labels):
        return UNLAWFUL_SERIES
    try:
        return intern.intern(names[0], [(name, value) for name, value in labels if value and name != "__name__"])
    except InvalidLabelError:
        return UNLAWFUL_SERIES
