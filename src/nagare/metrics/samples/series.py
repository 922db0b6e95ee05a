"""The series table: which number stands for which metric, label set and host; never one number for two of them.

Numbers are given in memory at once and become durable with the log record that first carries them. A number that no
record ever carried may be given again after a restart: nothing on disk knows it. Codecs call ``intern`` from any
thread; the log's writer, the flush and queries read.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nagare.errors import InvalidLabelError
from nagare.model.samples import REFUSED_SERIES, Series, SeriesId, host_of

# A name is a word; a label's value may be a command line or a message, as in our own tables.
NAME_LIMIT = 1024
VALUE_LIMIT = 65_536
LABELS_LIMIT = 256
# Before a text in MessagePack, at most; as much again pays for a series' number and arrays.
TEXT_HEADER_BYTES = 5
Labels = Mapping[str, str] | Sequence[tuple[str, str]]
_Key = tuple[str, tuple[tuple[str, str], ...]]


class SeriesTable:
    """Implements ``SeriesIntern``."""

    def __init__(self, limit: int, host_limit: int) -> None:
        """Begin empty; past ``limit`` series in all, or ``host_limit`` of one host, new ones are refused."""
        self._limit = limit
        self._host_limit = host_limit
        # Guards everything below; a known series is found without it.
        self._lock = threading.Lock()
        self._numbers: dict[_Key, SeriesId] = {}
        # By number; None where a number was given, or may have been, and nothing durable carries it.
        self._series: list[Series | None] = []
        self._of_host: Counter[str] = Counter()
        self._ranks = np.zeros(0, np.int32)
        # What ``ranks`` were made of: nearly in order when more series come, and sorted again at little cost.
        self._sorted: list[tuple[str, str, int]] = []
        self.refused = 0

    def __len__(self) -> int:
        """Return the count of numbers: one more than the highest."""
        return len(self._series)

    @property
    def count(self) -> int:
        """The number of series."""
        return len(self._numbers)

    def intern(self, name: str, labels: Labels) -> SeriesId:
        """Return the number of the series, a new one if it is new, or REFUSED_SERIES at the limit of series.

        A label with an empty value is no label. Raises InvalidLabelError for an empty or duplicate label name and for
        text that is too long.
        """
        key = (name, _canonical(labels))
        number = self._numbers.get(key)
        return self._add(key) if number is None else number

    def get(self, number: int) -> Series:
        """Return the series of ``number``, which was given. Raises IndexError, KeyError."""
        series = self._series[number]
        if series is None:
            raise KeyError(number)
        return series

    def is_named(self, number: int, name: str, host: str) -> bool:
        """Tell whether ``number`` stands for a series of that name and host."""
        series = self._series[number] if number < len(self._series) else None
        return series is not None and (series.name, series.host) == (name, host)

    def name_bytes(self, numbers: Iterable[int]) -> int:
        """Return how much of a record the names of ``numbers`` are at most, those that stand for none left out."""
        found = (self._series[number] for number in numbers)
        texts = (text for one in found if one is not None for text in (one.name, one.host, *chain(*one.labels)))
        return sum(len(text.encode()) + 2 * TEXT_HEADER_BYTES for text in texts)

    def listed(self, start: int = 0) -> list[tuple[int, Series]]:
        """Return number and series of all from number ``start`` on."""
        with self._lock:
            return [(number, series) for number, series in enumerate(self._series[start:], start) if series is not None]

    def ranks(self) -> NDArray[np.int32]:
        """Return the place of each number in the order of name, host and number: the order of rows in a block."""
        with self._lock:
            if len(self._ranks) < len(self._series):
                fresh = enumerate(self._series[len(self._ranks) :], len(self._ranks))
                self._sorted += [(series.name, series.host, number) for number, series in fresh if series is not None]
                self._sorted.sort()
                ranks = np.zeros(len(self._series), np.int32)
                ranks[[number for _, _, number in self._sorted]] = np.arange(len(self._sorted), dtype=np.int32)
                self._ranks = ranks
            return self._ranks

    def adopt(self, definitions: Iterable[tuple[int, Series]]) -> None:
        """Take over what the catalog or a log record says, whatever the limits are now."""
        with self._lock:
            for number, series in definitions:
                if number < len(self._series) and self._series[number] is not None:
                    continue
                self._series.extend([None] * (number + 1 - len(self._series)))
                self._set(number, series)

    def forget(self, numbers: Iterable[int]) -> None:
        """Let series of ``numbers`` count no more: nothing stored has them. Whoever remembers a number may still use it."""
        with self._lock:
            for number in numbers:
                series = self._series[number]
                if series is not None and self._numbers.get((series.name, series.labels)) == number:
                    del self._numbers[series.name, series.labels]
                    self._of_host[series.host] -= 1

    def revive(self, number: int) -> Series:
        """Return the series of ``number``, which is used again and counts again if it was forgotten."""
        series = self.get(number)
        with self._lock:
            if (series.name, series.labels) not in self._numbers:
                self._set(number, series)
        return series

    def unknown(self, numbers: NDArray[np.int32]) -> list[int]:
        """Return those of ``numbers`` that stand for no series."""
        given = len(self._series)
        return [number for number in np.unique(numbers).tolist() if number >= given or self._series[number] is None]

    def reserve(self, count: int) -> None:
        """Never give a number below ``count`` to a series that is new."""
        with self._lock:
            self._series.extend([None] * (count - len(self._series)))

    def _add(self, key: _Key) -> SeriesId:
        name, labels = key
        _check(name, labels)
        series = Series(name, labels, host_of(dict(labels)))
        with self._lock:
            known = self._numbers.get(key)
            if known is not None:
                return known
            if len(self._numbers) >= self._limit or self._of_host[series.host] >= self._host_limit:
                self.refused += 1
                return REFUSED_SERIES
            self._series.append(None)
            return self._set(len(self._series) - 1, series)

    def _set(self, number: int, series: Series) -> SeriesId:
        self._series[number] = series
        self._of_host[series.host] += 1
        # Last: whoever finds a number by its key may ask for its series at once.
        given = self._numbers[(series.name, series.labels)] = SeriesId(number)
        return given


def _canonical(labels: Labels) -> tuple[tuple[str, str], ...]:
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return tuple(sorted((name, value) for name, value in pairs if value or not name))


def _check(name: str, labels: tuple[tuple[str, str], ...]) -> None:
    """Raise InvalidLabelError for what no series may be called."""
    if not 0 < len(name) <= NAME_LIMIT:
        raise InvalidLabelError(f"cannot use metric name {name[:80]!r}: 1 to {NAME_LIMIT} characters are lawful")
    if len(labels) > LABELS_LIMIT:
        raise InvalidLabelError(f"cannot use series of {name[:80]!r}: it has more than {LABELS_LIMIT} labels")
    before = ""
    for label, value in labels:
        if not 0 < len(label) <= NAME_LIMIT:
            raise InvalidLabelError(f"cannot use label name {label[:80]!r}: 1 to {NAME_LIMIT} characters are lawful")
        if label == before:
            raise InvalidLabelError(f"cannot use label {label[:80]!r}: it comes twice")
        if len(value) > VALUE_LIMIT:
            raise InvalidLabelError(f"cannot use label {label[:80]!r}: its value exceeds {VALUE_LIMIT} characters")
        before = label
    try:
        "".join((name, *(text for pair in labels for text in pair))).encode()
    except UnicodeEncodeError as error:
        raise InvalidLabelError(f"cannot use series of {name[:80]!a}: it is no Unicode text") from error
