"""From the bytes of a page to the samples that are kept of it. Pure, and fit for a thread: nothing here waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nagare.errors import CardinalityError
from nagare.interop.exposition import parse_exposition
from nagare.model.samples import MetricMetadata, Samples, SeriesId, SeriesIntern
from nagare.scrape.targets import MetricFilter, Target, make_filter
from nagare.wire.codec import unpack

# The number of a series that the job's filter leaves out; never stored, and told apart from one that was refused.
LEFT_OUT = SeriesId(-2)
# A page whose series change all the time must not fill the cache for ever.
_KNOWN_SPARE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of a target, as sent."""

    body: bytes
    encoding: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page brought: how many samples stood in it, those that are kept, and what it tells of its metrics."""

    scraped: int
    samples: Samples
    metadata: tuple[MetricMetadata, ...]


class PageReader:
    """Reads the pages of one target; remembers the series of each line, so that a page like the last costs little."""

    def __init__(self, target: Target, intern: SeriesIntern) -> None:
        """Prepare; one thread at a time may use it."""
        self._target = target
        self._sieve = _Sieve(intern, make_filter(target.settings), target.settings.sample_limit)
        self._known: dict[bytes, SeriesId] = {}

    def read(self, page: Page, ts_ms: int) -> Taken:
        """Return what is kept of ``page``, scraped at ``ts_ms``.

        Raises InputError, UnsupportedMediaError, BodyTooLargeError, CardinalityError for more samples than the limit.
        """
        settings = self._target.settings
        body = unpack(page.body, page.encoding, settings.body_limit_bytes)
        self._sieve.begin()
        parsed = parse_exposition(
            body,
            content_type=page.content_type,
            now_ms=ts_ms,
            intern=self._sieve,
            extra=self._target.labels,
            known=self._known,
            honor_labels=settings.honor_labels,
        )
        scraped = len(parsed.samples)
        if len(self._known) > 2 * scraped + _KNOWN_SPARE:
            self._known.clear()
        samples = _kept(parsed.samples)
        if len(samples) > settings.sample_limit:
            raise too_many(settings.sample_limit)
        if not settings.honor_timestamps:
            samples = replace(samples, ts_ms=np.full(len(samples), ts_ms, dtype=np.int64))
        metadata = tuple(told for told in parsed.metadata if self._sieve.filter.takes(told.name))
        return Taken(scraped, samples, metadata)


class _Sieve:
    """Interns what the filter takes; new series past the limit end the scrape before they fill the store."""

    def __init__(self, intern: SeriesIntern, filter_: MetricFilter, limit: int) -> None:
        self.filter = filter_
        self._intern = intern
        self._limit = limit
        self._left = limit

    def begin(self) -> None:
        self._left = self._limit

    def intern(self, name: str, labels: Mapping[str, str] | Sequence[tuple[str, str]]) -> SeriesId:
        if not self.filter.takes(name):
            return LEFT_OUT
        if self._left <= 0:
            raise too_many(self._limit)
        self._left -= 1
        return self._intern.intern(name, labels)


def too_many(limit: int) -> CardinalityError:
    """Return the refusal of a page with more samples than ``limit``."""
    return CardinalityError(
        f"cannot take page: it has more than {limit} samples",
        hint="leave metrics out, or raise sample_limit of the job",
    )


def _kept(samples: Samples) -> Samples:
    kept = samples.series != LEFT_OUT
    if kept.all():
        return samples
    return Samples(samples.series[kept], samples.ts_ms[kept], samples.values[kept])
