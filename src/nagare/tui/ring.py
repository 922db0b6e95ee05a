"""Short histories of values in bounded memory, oldest first: one alone, or those of many hosts in one piece."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
TimeArray = npt.NDArray[np.int64]
SlotArray = npt.NDArray[np.intp]

# 15 minutes at the default 5 s, with room for jitter.
CAPACITY = 192
# As many points as half a minute has, and some more.
_FEW = 36


class RingBlock:
    """Rings in one piece of memory, by slot: a point of each of a thousand hosts costs one write of a column."""

    __slots__ = ("_counts", "_times", "_values", "capacity")

    def __init__(self, slots: int, capacity: int = CAPACITY) -> None:
        """Make so many empty rings of at most ``capacity`` points each."""
        self.capacity = capacity
        # Points that a ring ever got; the newest stands at the place before the count, around the capacity.
        self._counts = np.zeros(slots, dtype=np.int64)
        self._times = np.zeros((slots, capacity), dtype=np.int64)
        self._values = np.zeros((slots, capacity))

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` rings, more than there are."""
        more = slots - len(self._counts)
        self._counts = np.concatenate([self._counts, np.zeros(more, dtype=np.int64)])
        self._times = np.concatenate([self._times, np.zeros((more, self.capacity), dtype=np.int64)])
        self._values = np.concatenate([self._values, np.zeros((more, self.capacity))])

    def clear(self, slot: int) -> None:
        """Empty a ring."""
        self._counts[slot] = 0

    def append(self, slots: SlotArray, ts_ms: TimeArray, values: FloatArray) -> None:
        """Add a point to each of these rings, no ring twice; one that is not newer than a ring's last is passed over."""
        counts = self._counts[slots]
        newer = (counts == 0) | (ts_ms > self._times[slots, (counts - 1) % self.capacity])
        if not newer.all():
            slots, ts_ms, values, counts = slots[newer], ts_ms[newer], values[newer], counts[newer]
        places = counts % self.capacity
        self._times[slots, places] = ts_ms
        self._values[slots, places] = values
        self._counts[slots] = counts + 1

    def append_one(self, slot: int, ts_ms: int, value: float) -> bool:
        """Add a point to one ring; one that is not newer than its last is refused."""
        count = int(self._counts[slot])
        if count and ts_ms <= self._times[slot, (count - 1) % self.capacity]:
            return False
        place = count % self.capacity
        self._times[slot, place], self._values[slot, place] = ts_ms, value
        self._counts[slot] = count + 1
        return True

    def before(self, slots: SlotArray) -> FloatArray:
        """Return the value before the last one of each of these rings, NaN where there is none."""
        counts = self._counts[slots]
        found: FloatArray = self._values[slots, (counts - 2) % self.capacity]
        found[counts < 2] = np.nan
        return found

    def newest_ms(self, slots: SlotArray) -> TimeArray:
        """Return when the last point of each of these rings is of; of an empty one it says nothing."""
        found: TimeArray = self._times[slots, (self._counts[slots] - 1) % self.capacity]
        return found

    def means_of(self, slots: SlotArray, span_ms: int) -> FloatArray:
        """Return the means of the known values of the last ``span_ms`` of each of these rings.

        NaN where they are fewer than three points, or of less than two thirds of it.
        """
        counts = self._counts[slots, None]
        newest = self.newest_ms(slots)[:, None]
        # A span has few points; all are looked at only where the span may be longer than those.
        width = min(_FEW, self.capacity)
        if (self._times[slots, (counts[:, 0] - width) % self.capacity] >= newest[:, 0] - span_ms).any():
            width = self.capacity
        places = counts - np.arange(width, 0, -1)
        rows, columns = slots[:, None], places % self.capacity
        times, values = self._times[rows, columns], self._values[rows, columns]
        inside = (places >= 0) & (times >= newest - span_ms)
        oldest = np.where(inside, times, newest).min(axis=1, initial=np.iinfo(np.int64).max)
        is_enough = (inside.sum(axis=1) >= 3) & (oldest <= newest[:, 0] - span_ms + span_ms // 3)
        known = inside & ~np.isnan(values)
        sums, sizes = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
        means: FloatArray = np.full(len(slots), np.nan)
        np.divide(sums, sizes, out=means, where=is_enough & (sizes > 0))
        return means

    def count(self, slot: int) -> int:
        """Return the number of points that a ring holds."""
        return min(int(self._counts[slot]), self.capacity)

    def points(self, slot: int) -> tuple[TimeArray, FloatArray]:
        """Return times and values of a ring, oldest first, as copies."""
        count = int(self._counts[slot])
        if count <= self.capacity:
            return self._times[slot, :count].copy(), self._values[slot, :count].copy()
        first = -(count % self.capacity)
        return np.roll(self._times[slot], first), np.roll(self._values[slot], first)

    def put(self, slot: int, times: TimeArray, values: FloatArray) -> None:
        """Make a ring hold exactly these points, of which there are no more than it can hold."""
        count = self._counts[slot] = len(times)
        self._times[slot, :count] = times
        self._values[slot, :count] = values


class Ring:
    """The last points (Unix milliseconds, value) in rising time; a full ring drops its oldest. Readers get copies."""

    __slots__ = ("_block", "_slot")

    def __init__(self, capacity: int = CAPACITY, *, block: RingBlock | None = None, slot: int = 0) -> None:
        """Hold at most ``capacity`` points, or be the ring of ``slot`` in a ``block``."""
        self._block = RingBlock(1, capacity) if block is None else block
        self._slot = slot

    def __len__(self) -> int:
        """Return the number of points held."""
        return self._block.count(self._slot)

    def append(self, ts_ms: int, value: float) -> bool:
        """Add a point; one that is not newer than the last is refused."""
        return self._block.append_one(self._slot, ts_ms, value)

    def fill(self, times: TimeArray, values: FloatArray) -> None:
        """Lay older points under those held: what stands here and is newer stays."""
        own_times, own_values = self.points()
        older = times < own_times[0] if len(own_times) else np.ones(len(times), dtype=bool)
        capacity = self._block.capacity
        all_times = np.concatenate([times[older], own_times])[-capacity:]
        self._block.put(self._slot, all_times, np.concatenate([values[older], own_values])[-capacity:])

    def points(self) -> tuple[TimeArray, FloatArray]:
        """Return times and values, oldest first."""
        return self._block.points(self._slot)

    def since(self, start_ms: int) -> tuple[TimeArray, FloatArray]:
        """Return the points at or after ``start_ms``."""
        times, values = self.points()
        first = int(np.searchsorted(times, start_ms))
        return times[first:], values[first:]

    def newest(self) -> tuple[int, float] | None:
        """Return the last point, None without one."""
        times, values = self.points()
        return (int(times[-1]), float(values[-1])) if len(times) else None

    def before(self) -> float | None:
        """Return the value before the last one, None without one."""
        return float(self.points()[1][-2]) if len(self) > 1 else None
