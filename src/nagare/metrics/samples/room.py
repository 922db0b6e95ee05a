"""What the log's writer does with foreign samples: decide, note what is new, put them into the head.

Everything here but ``series`` belongs to the writer's thread, so that what one group brings counts for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nagare.config.settings import StorageSettings
from nagare.errors import BodyTooLargeError
from nagare.lib.clock import Clock
from nagare.lib.invariant import invariant
from nagare.metrics.head import Generation
from nagare.metrics.samples.admit import Admission, joined
from nagare.metrics.samples.changes import SampleChanges
from nagare.metrics.samples.newest import Newest
from nagare.metrics.samples.series import SeriesTable
from nagare.metrics.samples.slabs import SAMPLE_BYTES
from nagare.metrics.samples.stored import Stored
from nagare.model.samples import MetricMetadata, Samples, SamplesReply, Series
from nagare.wire.samples_log import SamplesRecord, encode_samples

# Metrics that have metadata; more names than that come from a sender that makes them up.
METADATA_LIMIT = 100_000
# Of one request: a log record holds some of them, with the names of new series.
REQUEST_LIMIT_BYTES = 32 * 2**20
_TIMES = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True)
class SamplesWork:
    """One request: its samples, and what it says of their metrics."""

    samples: Samples
    metadata: Sequence[MetricMetadata] = ()


@dataclass(frozen=True, slots=True)
class PreparedSamples:
    """The requests of a group: what to log (None when nothing is new) and what each sender is told then."""

    replies: tuple[SamplesReply, ...]
    record: SamplesRecord | None
    payload: bytes
    is_newer: bool


class SampleRoom:
    """The writer's state of samples."""

    def __init__(self, series: SeriesTable, stored: Stored, storage: StorageSettings, clock: Clock) -> None:
        """Begin with the ``series`` that the catalog knows; ``stored`` searches head and blocks."""
        self.series = series
        self._storage = storage
        self._clock = clock
        self.newest = Newest()
        self.metadata: dict[str, MetricMetadata] = {}
        self._admission = Admission(self.newest, stored.find)
        # The log holds what is in no block, so its records can only repeat what the head holds.
        self._readmission = Admission(self.newest, stored.find_in_head)
        # By number: whether the catalog or a record of the log says what it stands for.
        self._is_defined = np.zeros(0, bool)
        # As the preparer's of batches: what was dropped for want of room does not come back.
        self.floor_ms = 0
        self._new_series: list[int] = []
        self._new_metadata: dict[str, MetricMetadata] = {}

    def load(self, kept: SampleChanges) -> None:
        """Begin with what the catalog holds; once, before anything else."""
        self.series.adopt(kept.definitions)
        self.series.reserve(kept.given)
        self.metadata = {each.name: each for each in kept.metadata}
        self.newest.put(kept.newest)
        # Numbers of which only blocks know, after the files of series were lost, must not be given to others.
        self.series.reserve(int(kept.newest.series.max()) + 1 if len(kept.newest.series) else 0)
        numbers = np.array([number for number, _ in kept.definitions], np.int32)
        # The others were forgotten: their names are of rollups alone.
        is_known = np.isin(numbers, kept.newest.series)
        self.series.forget(numbers[~is_known].tolist())
        self._is_defined = np.zeros(len(self.series), bool)
        self._is_defined[numbers[is_known]] = True

    def prepare(self, works: Sequence[SamplesWork]) -> PreparedSamples:
        """Return what to log and answer for ``works``. Raises StorageError."""
        now_ms = self._clock.now_ms()
        oldest_ms = max(self.floor_ms, now_ms - round(self._storage.retention_seconds * 1000))
        newest_ms = now_ms + round(self._storage.future_seconds * 1000)
        admitted = self._admission.admit([work.samples for work in works], oldest_ms, newest_ms)
        samples = admitted.samples
        fresh = self._undefined(samples.series)
        metadata = self._changed(each for work in works for each in work.metadata)
        if not len(samples) and not metadata:
            return PreparedSamples(admitted.replies, None, b"", is_newer=False)
        record = SamplesRecord(
            now_ms,
            tuple((number, self.series.revive(number)) for number in fresh.tolist()),
            metadata,
            samples.series,
            samples.ts_ms,
            samples.values,
        )
        return PreparedSamples(admitted.replies, record, encode_samples(record), admitted.is_newer)

    def are_defined(self, requests: Sequence[Samples]) -> bool:
        """Tell whether no record has to say what a series of ``requests`` stands for."""
        if not requests:
            return True
        series = joined(requests).series
        # A number that nobody gave is for ``record_bytes`` to find, and to tell whose it is.
        return int(series.max(initial=-1)) < len(self.series) and not len(self._undefined(series))

    def record_bytes(self, samples: Samples, *, are_defined: bool) -> int:
        """Return how much of a record ``samples`` are at most, with the names of series that are new with them.

        ``are_defined`` says that none is. Raises BodyTooLargeError for more than one record of the log should hold.
        """
        if are_defined:
            return len(samples) * SAMPLE_BYTES
        highest, count = int(samples.series.max(initial=-1)), len(self.series)
        invariant(highest < count, f"series {highest} must have been given before, and {count} were")
        names = self.series.name_bytes(self._undefined(samples.series[samples.series >= 0]).tolist())
        size = len(samples) * SAMPLE_BYTES + names
        if size > REQUEST_LIMIT_BYTES:
            raise BodyTooLargeError(
                f"cannot store samples with {names} bytes of new series at once: {REQUEST_LIMIT_BYTES} bytes in all are the limit",
                hint="send smaller requests",
            )
        return size

    def store(self, index: int, record: SamplesRecord, generation: Generation, *, is_newer: bool) -> None:
        """Take over ``record``, which is durable."""
        samples = Samples(record.series, record.ts_ms, record.values)
        generation.add_samples(index, samples)
        self._define(record)
        if len(samples):
            self.newest.note(samples, is_newer=is_newer)

    def replay(self, index: int, record: SamplesRecord, generation: Generation) -> int:
        """Take over ``record`` of the log, but for what is in the head already: a disk that failed twice repeats itself.

        Return how many of its series have lost their names, with a record that was damaged.
        """
        self.series.adopt(record.definitions)
        lost = self.series.unknown(record.series)
        # Whatever these numbers stood for, they must not come to stand for anything else.
        record = replace(record, definitions=(*record.definitions, *((number, _nameless(number)) for number in lost)))
        self.series.adopt(record.definitions)
        for number in self._undefined(record.series).tolist():
            self.series.revive(number)
        samples = Samples(record.series, record.ts_ms, record.values)
        admitted = self._readmission.admit([samples], int(_TIMES.min), int(_TIMES.max))
        samples = admitted.samples
        kept = replace(record, series=samples.series, ts_ms=samples.ts_ms, values=samples.values)
        self.store(index, kept, generation, is_newer=admitted.is_newer)
        return len(lost)

    def forget_before(self, oldest_ms: int) -> list[int]:
        """Forget the series that brought nothing since ``oldest_ms``; return their numbers, which stay given."""
        gone = self.newest.forget_before(oldest_ms)
        self._undefined(np.array(gone, np.int32))
        self._is_defined[gone] = False
        self.series.forget(gone)
        return gone

    def seal(self) -> SampleChanges:
        """Return what changed since the last ``seal`` that was not taken back."""
        definitions = tuple((number, self.series.get(number)) for number in self._new_series)
        metadata = tuple(self._new_metadata.values())
        self._new_series, self._new_metadata = [], {}
        return SampleChanges(definitions, metadata, self.newest.rows(), len(self.series))

    def unseal(self, changes: SampleChanges) -> None:
        """Take back a ``seal`` that will not be written: the next one brings its changes too."""
        self._new_series = [*(number for number, _ in changes.definitions), *self._new_series]
        self._new_metadata = {each.name: each for each in changes.metadata} | self._new_metadata

    def _undefined(self, series: NDArray[np.int32]) -> NDArray[np.int32]:
        if not len(series):
            return series
        missing = int(series.max()) + 1 - len(self._is_defined)
        if missing > 0:
            self._is_defined = np.append(self._is_defined, np.zeros(missing + len(self._is_defined), bool))
        is_defined = self._is_defined[series]
        return series[:0] if is_defined.all() else np.unique(series[~is_defined])

    def _define(self, record: SamplesRecord) -> None:
        numbers = [number for number, _ in record.definitions]
        if numbers:
            self._undefined(np.array(numbers, np.int32))
            self._is_defined[numbers] = True
            self._new_series.extend(numbers)
        for each in record.metadata:
            self.metadata[each.name] = self._new_metadata[each.name] = each

    def _changed(self, metadata: Iterable[MetricMetadata]) -> tuple[MetricMetadata, ...]:
        changed = {each.name: each for each in metadata if self.metadata.get(each.name) != each}
        room = METADATA_LIMIT - len(self.metadata)
        return tuple(each for at, each in enumerate(changed.values()) if at < room or each.name in self.metadata)


def _nameless(number: int) -> Series:
    return Series("nameless", (("series", str(number)),), "")


def check_samples(samples: Samples) -> None:
    """Check that ``samples`` are columns of one length. Raises BodyTooLargeError for more than one record of the log should hold."""
    rows = len(samples)
    invariant(len(samples.ts_ms) == rows and len(samples.values) == rows, "the columns of samples must have one length")
    if rows * SAMPLE_BYTES > REQUEST_LIMIT_BYTES:
        raise BodyTooLargeError(
            f"cannot store {rows} samples at once: {REQUEST_LIMIT_BYTES // SAMPLE_BYTES} are the limit",
            hint="send smaller requests",
        )
