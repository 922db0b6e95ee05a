"""The quick way through a remote-write 1.0 request: samples found by their shape in numpy, series by their label bytes.

Why its answer is the walk's answer. A request is taken only if, from its first byte on, it is
``0a <length> <labels> <sample>+`` again and again, where the labels are bytes that were taken apart before as whole
Label fields, a sample is one of the two shapes that senders write (``12 10 09 <8> 10 <6>`` and, for a value of zero,
``12 07 10 <6>``), and the length covers exactly labels and samples. Step by step that leaves a reader no other
choice. A shape that occurs by chance inside a label or a value breaks one of these conditions, and the walk decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.errors import InputError
from nagare.interop.known import KnownSeries
from nagare.interop.known_rows import KnownRows
from nagare.interop.masked import words_of
from nagare.interop.protobuf import BYTES, fields
from nagare.interop.remote_write.decoded import number_of
from nagare.interop.remote_write.sample_ends import SAMPLE_BYTES, Tails, sample_ends
from nagare.interop.remote_write.v1 import label_pairs
from nagare.interop.scratch import scratch
from nagare.model.samples import SeriesId, SeriesIntern

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.masked import Bytes

    Places = NDArray[np.int64]
    Words = NDArray[np.uint64]
    Flags = NDArray[np.bool_]

_FULL_BYTES, _ZERO_BYTES = SAMPLE_BYTES, 9
_TIME_BYTES = 6
# Where the value and the time of a full sample begin.
_VALUE_AT, _TIME_AT = 3, 12
# The first bytes of a sample, as a reader of words sees them.
_HEAD_MASK, _FULL_HEAD, _ZERO_HEAD = np.uint64(0xFF_FFFF), np.uint64(0x09_1012), np.uint64(0x10_0712)
# The first bytes of a series whose length takes two: most do.
_LONG_MASK, _LONG_HEAD = np.uint64(0x80_80FF), np.uint64(0x00_800A)
# Times from 1971 to 2109 in milliseconds take six bytes, the first five with their high bit set.
_HIGH_BITS = np.uint64(0x80_8080_8080)
_HIGH_MASK = np.uint64(0x8080_8080_8080)
_TIME_MASK = np.uint64(0xFFFF_FFFF_FFFF)
_EVEN_GROUPS, _ODD_GROUPS, _FOURTEEN_BITS = np.uint64(0x7F_007F_007F), np.uint64(0x3F80_3F80_3F80), np.uint64(0x3FFF)
# Up to here, following the chain of lengths costs less than numpy's calls do.
_CHAIN_BYTES = 64 * 1024


class Known:
    """The series of a sender: ``texts`` for small requests and for what is rare, ``rows`` for large ones."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most about ``limit_bytes``."""
        self.texts = KnownSeries(limit_bytes // 2)
        self.rows = KnownRows(limit_bytes // 2)


@dataclass(frozen=True, slots=True)
class Cut:
    """A request cut up: for each sample the number of its series, and where its value and its time begin.

    ``is_full`` tells which samples carry a value, None when all do. ``tails`` has those of this very request, if all are
    full and it was at hand; for another request of the same layout they are wrong.
    """

    series: NDArray[np.int32]
    value_places: Places
    time_places: Places
    is_full: Flags | None
    tails: Tails | None = None

    @staticmethod
    def at(series: NDArray[np.int32], places: Places, is_full: Flags) -> Cut:
        """Return the cut of samples at ``places``."""
        return Cut(series, places + 3, time_places(places, is_full), None if is_full.all() else is_full)


@dataclass(frozen=True, slots=True)
class _Samples:
    """What looks like samples: where each begins and ends, and which are full, None when all are."""

    places: Places
    ends: Places
    is_full: Flags | None
    tails: Tails | None = None

    def cut(self, series: NDArray[np.int32]) -> Cut:
        """Return the cut of a request that holds them, each of one of ``series``."""
        if self.is_full is not None:
            return Cut.at(series, self.places, self.is_full)
        return Cut(series, self.places + _VALUE_AT, self.ends - _TIME_BYTES, None, self.tails)


def cut(padded: Bytes, length: int, intern: SeriesIntern, known: Known) -> Cut | None:
    """Return the body of ``length`` bytes in ``padded`` cut up, None when it is not of the usual shape."""
    if length <= _CHAIN_BYTES and (found := _cut_chain(padded, length, known.texts)) is not None:
        return found
    ended = sample_ends(padded, length)
    found = None if ended is None else _cut_samples(padded, length, _ended(padded, *ended), intern, known)
    return _cut_samples(padded, length, _find_samples(padded, length), intern, known) if found is None else found


def _cut_samples(padded: Bytes, length: int, samples: _Samples, intern: SeriesIntern, known: Known) -> Cut | None:
    """Return the body cut up when ``samples`` are all that it holds beside labels."""
    places, ends = samples.places, samples.ends
    if not len(places) or ends[-1] != length:
        return None
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1]
    gaps = places - starts
    if gaps[0] == 0 or gaps.min() < 0:
        return None
    if gaps.all():
        series = _read_series(padded, starts, places, ends, intern, known)
        return None if series is None else samples.cut(series)
    heads = np.flatnonzero(gaps)
    begins = starts[heads]
    series = _read_series(padded, begins, places[heads], np.append(begins[1:], length), intern, known)
    return None if series is None else samples.cut(np.repeat(series, np.diff(np.append(heads, len(places)))))


def _read_series(
    padded: Bytes, begins: Places, label_ends: Places, ends: Places, intern: SeriesIntern, known: Known
) -> NDArray[np.int32] | None:
    """Return the series that begin and end there, each with labels up to ``label_ends``; None when they are not so."""
    label_begins, said_ends = _headers(padded, begins)
    if not np.array_equal(said_ends, ends) or bool((label_begins >= label_ends).any()):
        return None
    return _series(padded, label_begins, label_ends, intern, known)


def read_values(content: Words, cut: Cut) -> NDArray[np.float64]:
    """Return the values of the samples, bit for bit; zero where none is written. ``content`` is as ``words_of`` has it."""
    words = content[cut.value_places] if cut.tails is None else cut.tails.words(_VALUE_AT).copy()
    if cut.is_full is not None:
        words = np.where(cut.is_full, words, np.uint64(0))
    return words.view(np.float64)


def read_times(content: Words, cut: Cut) -> NDArray[np.int64]:
    """Return the times of the samples, milliseconds. ``content`` is as ``words_of`` has it."""
    words = content[cut.time_places] if cut.tails is None else cut.tails.words(_TIME_AT).copy()
    words &= _TIME_MASK
    # One scrape has one time: most requests say nothing else.
    first = words[0]
    if first == words[-1] and np.count_nonzero(words == first) == len(words):
        times = np.empty(len(words), dtype=np.int64)
        times.fill(_time(int(first)))
        return times
    # Six groups of seven bits become three of fourteen, and these one number.
    found = words & _EVEN_GROUPS
    words >>= np.uint64(1)
    words &= _ODD_GROUPS
    words |= found
    np.bitwise_and(words, _FOURTEEN_BITS, out=found)
    for group in (1, 2):
        words >>= np.uint64(2)
        found |= words & (_FOURTEEN_BITS << np.uint64(14 * group))
    return found.view(np.int64)


def has_times(padded: Bytes, cut: Cut) -> bool:
    """Tell whether every sample's time is written in six bytes."""
    return bool(((words_of(padded)[cut.time_places] & _HIGH_MASK) == _HIGH_BITS).all())


def _time(word: int) -> int:
    low = word & 0x7F | (word >> 1) & 0x3F80 | (word >> 2) & 0x1F_C000
    return low | (word >> 3) & 0xFE0_0000 | (word >> 4) & 0x7_F000_0000 | (word >> 5) & 0x3F8_0000_0000


def time_places(places: Places, is_full: Flags) -> Places:
    """Return where the times of samples at ``places`` begin."""
    return places + np.where(is_full, 12, 3)


def _cut_chain(padded: Bytes, size: int, known: KnownSeries) -> Cut | None:
    """Return the body of ``size`` bytes cut up when it is one full sample after each of labels that are known, else None."""
    get = known.getter
    numbers: list[SeriesId] = []
    places: list[int] = []
    at = 0
    # With zeros behind it, so that a length that is cut off reads as one that leads beyond the end.
    content = padded.tobytes()
    while at < size:
        length, begin = content[at + 1], at + 2
        if length >= 0x80:
            if content[begin] >= 0x80:
                return None
            length, begin = length & 0x7F | content[begin] << 7, begin + 1
        at, tag = begin + length, content[at]
        place = at - _FULL_BYTES
        if tag != 0x0A or place <= begin or at > size or content[place : place + 3] != b"\x12\x10\x09":
            return None
        number = get(content[begin:place])
        if number is None or content[place + 11] != 0x10:
            return None
        numbers.append(number)
        places.append(place)
    found = np.array(places, dtype=np.int64)
    cut = Cut(np.array(numbers, dtype=np.int32), found + 3, found + 12, None)
    return cut if numbers and has_times(padded, cut) else None


def _ended(padded: Bytes, ends: Places, tails: Tails) -> _Samples:
    """Return the samples at ``ends``, which are behind a time each."""
    is_full = (tails.words(0) & _HEAD_MASK) == _FULL_HEAD
    if is_full.all():
        return _Samples(ends - _FULL_BYTES, ends, None, tails)
    places = np.where(is_full, ends - _FULL_BYTES, ends - _ZERO_BYTES)
    keep = np.flatnonzero(is_full | ((words_of(padded)[places] & _HEAD_MASK) == _ZERO_HEAD))
    return _Samples(places[keep], ends[keep], is_full[keep])


def _find_samples(padded: Bytes, length: int) -> _Samples:
    first, second = padded[:length], padded[1 : length + 1]
    looks, other = scratch(1, length).view(np.bool_), scratch(2, length).view(np.bool_)
    np.equal(second, 0x10, out=looks)
    np.equal(second, 0x07, out=other)
    np.logical_or(looks, other, out=looks)
    np.equal(first, 0x12, out=other)
    np.logical_and(looks, other, out=looks)
    found = np.flatnonzero(looks)
    words = words_of(padded)
    heads = words[found] & _HEAD_MASK
    is_full = (heads == _FULL_HEAD) & (padded[found + 11] == 0x10)
    keep = np.flatnonzero(is_full | (heads == _ZERO_HEAD))
    found, is_full = found[keep], is_full[keep]
    times = words[time_places(found, is_full)] & _HIGH_MASK
    keep = np.flatnonzero(times == _HIGH_BITS)
    found, is_full = found[keep], is_full[keep]
    return _Samples(found, found + np.where(is_full, _FULL_BYTES, _ZERO_BYTES), is_full)


def _headers(padded: Bytes, begins: Places) -> tuple[Places, Places]:
    """Return where the labels behind each header begin, and where the header says that its series ends; -1 for no header."""
    words = words_of(padded)[begins]
    if (words & _LONG_MASK == _LONG_HEAD).all():
        sizes = (words >> np.uint64(8)) & np.uint64(0x7F) | (words >> np.uint64(9)) & np.uint64(0x3F80)
        return begins + 3, begins + 3 + sizes.view(np.int64)
    first, second, third = (padded[begins + offset].astype(np.int64) for offset in (1, 2, 3))
    is_short, is_long = first < 0x80, (first >= 0x80) & (second >= 0x80)
    size = np.where(is_short, 2, np.where(is_long, 4, 3))
    rest = (first & 0x7F) | (second & 0x7F) << 7 | np.where(is_long, third << 14, 0)
    label_begins = begins + size
    is_lawful = (padded[begins] == 0x0A) & ~(is_long & (third >= 0x80))
    return label_begins, np.where(is_lawful, label_begins + np.where(is_short, first, rest), -1)


def _series(
    padded: Bytes, begins: Places, ends: Places, intern: SeriesIntern, known: Known
) -> NDArray[np.int32] | None:
    found = known.rows.find(padded, begins, ends)
    if found.is_known.all():
        return found.series
    at = np.flatnonzero(~found.is_known)
    numbers = _learn(
        [padded[begin:end].tobytes() for begin, end in zip(begins[at].tolist(), ends[at].tolist(), strict=True)],
        intern,
        known.texts,
    )
    if numbers is None:
        return None
    found.series[at] = numbers
    known.rows.keep(found, at, found.series[at])
    return found.series


def _learn(keys: list[bytes], intern: SeriesIntern, known: KnownSeries) -> list[SeriesId] | None:
    numbers = {key: known.find(key) for key in keys}
    labels = {key: _labels(key) for key, number in numbers.items() if number is None}
    # All of them must be labels before one is numbered: what chance cut out would keep its number for ever.
    unread = {key: pairs for key, pairs in labels.items() if pairs is not None}
    if len(unread) < len(labels):
        return None
    learned = {key: number_of(intern, pairs) for key, pairs in unread.items()}
    for key, series in learned.items():
        known.keep(key, series)
    return [learned[key] if (number := numbers[key]) is None else number for key in keys]


def _labels(key: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        spans = list(fields(key, 0, len(key)))
        if any(span.number != 1 or span.kind != BYTES for span in spans):
            return None
        return label_pairs(key, spans)
    except InputError:
        return None
