"""What one checkpoint must write about samples; the catalog keeps it, and the next start begins with it."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.metrics.samples.newest import NewestRows
from nagare.model.samples import MetricMetadata, Series


@dataclass(frozen=True, slots=True)
class SampleChanges:
    """Series and metadata since the last checkpoint, and the newest samples of all series."""

    definitions: tuple[tuple[int, Series], ...]
    metadata: tuple[MetricMetadata, ...]
    newest: NewestRows
    # How many numbers were given so far, those of forgotten series among them.
    given: int = 0
