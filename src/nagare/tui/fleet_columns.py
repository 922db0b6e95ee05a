"""What is known of each host in numbers, a column each: a digest of a thousand hosts is a write of each column.

Beside the newest values of what lists show stand when a host was heard and the short curves that lists draw. Lists
read whole columns, screens of one host read it by ``HostLive``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nagare.model.health import CPU_BOUND
from nagare.model.host import DOWN_INTERVALS, STALE_INTERVALS, HostState
from nagare.model.host_series import CURVE_SERIES, LIST_SERIES
from nagare.tui.ring import FloatArray, Ring, RingBlock, SlotArray, TimeArray

_FIRST_SLOTS = 64
DEFAULT_INTERVAL_SECONDS = 5.0
# By the number that stands for each in ``states``.
STATES = (HostState.UNKNOWN, HostState.UP, HostState.STALE, HostState.DOWN)
CPU_SPAN_MS = 30_000
_BUSY = "cpu.busy"


class FleetColumns:
    """Numbers of hosts by slot; slots of forgotten hosts are taken again. Times are Unix milliseconds, NaN where not known."""

    def __init__(self, slots: int = _FIRST_SLOTS) -> None:
        """Make room for so many hosts at first."""
        self.names: list[str] = [""] * slots
        self._slots: dict[str, int] = {}
        self._free = list(range(slots - 1, -1, -1))
        # Our clock when a host was heard last, and its oldest sample of the last quarter of an hour.
        self.seen_ms: FloatArray = np.full(slots, np.nan)
        self.oldest_ms: FloatArray = np.full(slots, np.nan)
        self.interval_seconds: FloatArray = np.full(slots, DEFAULT_INTERVAL_SECONDS)
        self.newest: dict[str, FloatArray] = {series: np.full(slots, np.nan) for series in LIST_SERIES}
        self._curves = {series: RingBlock(slots) for series in CURVE_SERIES}
        # The newest sample, by the host's clock, at which all cores were busy.
        self._full_ms: FloatArray = np.full(slots, np.nan)

    def place(self, name: str) -> int:
        """Return the slot of a host, a new one for a new host."""
        slot = self._slots.get(name)
        if slot is None:
            if not self._free:
                self._grow()
            slot = self._slots[name] = self._free.pop()
            self.names[slot] = name
        return slot

    def forget(self, name: str) -> None:
        """Drop what is known of a host."""
        slot = self._slots.pop(name, None)
        if slot is None:
            return
        for column in self._columns():
            column[slot] = np.nan
        self.interval_seconds[slot] = DEFAULT_INTERVAL_SECONDS
        for block in self._curves.values():
            block.clear(slot)
        self.names[slot] = ""
        self._free.append(slot)

    def slots_of(self, names: Sequence[str]) -> SlotArray:
        """Return the slots of those hosts. Raises KeyError for one that is not known."""
        return np.array([self._slots[name] for name in names], dtype=np.intp)

    def slots(self) -> SlotArray:
        """Return the slots of all hosts."""
        return np.fromiter(self._slots.values(), dtype=np.intp, count=len(self._slots))

    def ring(self, series_id: str, slot: int) -> Ring | None:
        """Return the short history of a series that lists draw, None of another."""
        block = self._curves.get(series_id)
        return None if block is None else Ring(block=block, slot=slot)

    def before(self, series_id: str, slots: SlotArray) -> FloatArray:
        """Return the values before the newest ones of a series that lists draw."""
        return self._curves[series_id].before(slots)

    def hear(self, slots: SlotArray, heard_ms: FloatArray) -> None:
        """Take notice of hosts that were heard."""
        self.seen_ms[slots] = np.fmax(self.seen_ms[slots], heard_ms)

    def take(self, slots: SlotArray, ts_ms: TimeArray, values: Mapping[str, FloatArray]) -> None:
        """Take the newest values of hosts in, sampled at ``ts_ms``."""
        self.oldest_ms[slots] = np.fmin(self.oldest_ms[slots], ts_ms)
        for series_id, column in values.items():
            newest = self.newest.get(series_id)
            if newest is not None:
                newest[slots] = column
            curve = self._curves.get(series_id)
            if curve is not None:
                curve.append(slots, ts_ms, column)
        if _BUSY in values:
            is_full = values[_BUSY] >= CPU_BOUND
            self._full_ms[slots[is_full]] = ts_ms[is_full]

    def take_one(self, slot: int, series_id: str, ts_ms: int, value: float) -> None:
        """Take the newest value of one host in, of a series of ``newest``; its curve is the caller's (``ring``)."""
        self.newest[series_id][slot] = value
        if series_id == _BUSY and value >= CPU_BOUND:
            self._full_ms[slot] = ts_ms

    def fill(self, slot: int, series_id: str, times: TimeArray, values: FloatArray) -> None:
        """Lay a history under what came since, of a series that lists draw."""
        Ring(block=self._curves[series_id], slot=slot).fill(times, values)
        if series_id == _BUSY and (values >= CPU_BOUND).any():
            self._full_ms[slot] = np.fmax(self._full_ms[slot], times[values >= CPU_BOUND][-1])

    def busy_means(self, slots: SlotArray) -> dict[int, float]:
        """Return by slot the mean share of all cores in the last half minute, of those hosts that may have been busy in all of it.

        A mean is no more than its greatest value, so that most need not be reckoned.
        """
        curve = self._curves[_BUSY]
        may_be = slots[self._full_ms[slots] >= curve.newest_ms(slots) - CPU_SPAN_MS]
        if not len(may_be):
            return {}
        return dict(zip(may_be.tolist(), curve.means_of(may_be, CPU_SPAN_MS).tolist(), strict=True))

    def states(self, slots: SlotArray, now_ms: int) -> NDArray[np.int8]:
        """Return how alive those hosts are, as places in ``STATES``: ``host_state`` of many."""
        silence, interval = (now_ms - self.seen_ms[slots]) / 1000, self.interval_seconds[slots]
        found = np.ones(len(slots), dtype=np.int8)
        found[silence > STALE_INTERVALS * interval] = 2
        found[silence > DOWN_INTERVALS * interval] = 3
        found[np.isnan(silence)] = 0
        return found

    def _columns(self) -> Iterator[FloatArray]:
        yield from (self.seen_ms, self.oldest_ms, self._full_ms)
        yield from self.newest.values()

    def _grow(self) -> None:
        had = len(self.names)
        spare = np.full(had, np.nan)
        self.seen_ms, self.oldest_ms, self._full_ms = (
            np.concatenate([column, spare]) for column in (self.seen_ms, self.oldest_ms, self._full_ms)
        )
        self.interval_seconds = np.concatenate([self.interval_seconds, np.full(had, DEFAULT_INTERVAL_SECONDS)])
        self.newest = {series: np.concatenate([column, spare]) for series, column in self.newest.items()}
        for block in self._curves.values():
            block.grow(had * 2)
        self.names += [""] * had
        self._free.extend(range(had * 2 - 1, had - 1, -1))
