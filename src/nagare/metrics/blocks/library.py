"""What there is to read at this moment: generations of the head and blocks, and who still reads what was replaced.

A query pins a ``Snapshot``; what a flush, a compaction or retention takes away is freed once no pin older than that
moment is left. Rows are in exactly one place of a snapshot, so no query sees them twice or misses them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import duckdb

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.head import Generation

log = logging.getLogger(__name__)

Free = Callable[[], None]
Hours = Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A consistent view: the generations, oldest first, and the blocks of each table.

    ``unrolled`` are the hours of each table whose rollups lack rows that are in blocks; before ``floor_ms`` raw rows
    are not whole.
    """

    generations: tuple[Generation, ...]
    blocks: Mapping[str, tuple[Block, ...]]
    unrolled: Hours = field(default_factory=dict)
    floor_ms: int = 0


class Library:
    """The current snapshot and the pins on it; used from every thread of the store."""

    def __init__(self) -> None:
        """Begin with nothing."""
        # Guards all fields below; held for moments only.
        self._lock = threading.Lock()
        self._snapshot = Snapshot((), {})
        self._epoch = 0
        self._pins: dict[int, int] = {}
        self._next_pin = 0
        # The first and the last epoch in which a pin may have seen it.
        self._garbage: list[tuple[int, int, Free]] = []
        # Since when a generation may be seen, by its identity: an export holds a pin for long, and what came after it must
        # not stay in memory for its sake.
        self._born: dict[int, int] = {}

    @property
    def current(self) -> Snapshot:
        """The snapshot of this moment, for looking only."""
        return self._snapshot

    def start(
        self, generation: Generation, blocks: Iterable[Block], unrolled: Iterable[tuple[str, int]] | None = None
    ) -> None:
        """Begin with one generation, the catalog's blocks and its ``unrolled`` hours; None keeps those known."""
        with self._lock:
            known = self._snapshot.unrolled if unrolled is None else _with_hours({}, unrolled)
            self._snapshot = Snapshot((generation,), _by_table(blocks), known, self._snapshot.floor_ms)

    def add_generation(self, generation: Generation) -> None:
        """Let ``generation`` take new rows; the others are sealed."""
        with self._lock:
            self._snapshot = replace(self._snapshot, generations=(*self._snapshot.generations, generation))
            # A moment of its own: who pinned before it does not see it.
            self._epoch += 1
            self._born[id(generation)] = self._epoch

    def flushed(
        self, generation: Generation, blocks: Iterable[Block], free: Free, unrolled: Iterable[tuple[str, int]] = ()
    ) -> None:
        """Let ``blocks`` take the place of ``generation``; ``free`` is called when nobody reads it any more.

        The rollups of the ``unrolled`` hours lack the rows of ``blocks``.
        """
        with self._lock:
            generations = tuple(each for each in self._snapshot.generations if each is not generation)
            everything = [block for group in self._snapshot.blocks.values() for block in group]
            known = _with_hours(self._snapshot.unrolled, unrolled)
            grouped = _by_table([*everything, *blocks])
            self._snapshot = replace(self._snapshot, generations=generations, blocks=grouped, unrolled=known)
            self._retire(free, self._born.pop(id(generation), 0))
        self._collect()

    def replaced(
        self, removed: Iterable[Block], added: Iterable[Block], free: Free, rolled: Iterable[tuple[str, int]] = ()
    ) -> None:
        """Let ``added`` take the place of ``removed``; ``free`` is called when nobody reads those any more.

        The rollups of the ``rolled`` hours lack nothing then.
        """
        gone = {block.path for block in removed}
        with self._lock:
            everything = [
                block for group in self._snapshot.blocks.values() for block in group if block.path not in gone
            ]
            blocks = _by_table([*everything, *added])
            known = _without_hours(self._snapshot.unrolled, rolled)
            self._snapshot = replace(self._snapshot, blocks=blocks, unrolled=known)
            self._retire(free)
        self._collect()

    def remove(self, block: Block) -> bool:
        """Leave ``block`` out from now on, its file untouched; tell whether it was there."""
        with self._lock:
            everything = [each for group in self._snapshot.blocks.values() for each in group]
            others = [each for each in everything if each.path != block.path]
            self._snapshot = replace(self._snapshot, blocks=_by_table(others))
        return len(others) < len(everything)

    def raise_floor(self, floor_ms: int) -> None:
        """Say before which time raw rows are not whole."""
        with self._lock:
            self._snapshot = replace(self._snapshot, floor_ms=max(floor_ms, self._snapshot.floor_ms))

    def mark_unrolled(self, hours: Iterable[tuple[str, int]]) -> None:
        """Note that the rollups of ``hours`` lack rows."""
        with self._lock:
            self._snapshot = replace(self._snapshot, unrolled=_with_hours(self._snapshot.unrolled, hours))

    @contextmanager
    def pinned(self) -> Iterator[Snapshot]:
        """Hold the current snapshot readable while the block runs."""
        with self._lock:
            pin = self._next_pin
            self._next_pin += 1
            self._pins[pin] = self._epoch
            snapshot = self._snapshot
        try:
            yield snapshot
        finally:
            with self._lock:
                del self._pins[pin]
            self._collect()

    def _retire(self, free: Free, born: int = 0) -> None:
        self._garbage.append((born, self._epoch, free))
        self._epoch += 1

    def _collect(self) -> None:
        with self._lock:
            due, kept = [], []
            for born, epoch, free in self._garbage:
                is_seen = any(born <= pin <= epoch for pin in self._pins.values())
                kept.append((born, epoch, free)) if is_seen else due.append(free)
            self._garbage = kept
        for free in due:
            try:
                free()
            except (OSError, duckdb.Error) as error:
                # Whoever happened to hold the last pin has no part in it; a left-over file goes at the next start.
                log.warning("storage_not_freed error=%s", error)


def _by_table(blocks: Iterable[Block]) -> dict[str, tuple[Block, ...]]:
    grouped: dict[str, list[Block]] = {}
    for block in blocks:
        grouped.setdefault(block.table, []).append(block)
    return {table: tuple(group) for table, group in grouped.items()}


def _with_hours(known: Hours, more: Iterable[tuple[str, int]]) -> Hours:
    grouped: dict[str, set[int]] = {}
    for table, hour in more:
        grouped.setdefault(table, set()).add(hour)
    return {**known, **{table: known.get(table, frozenset()) | hours for table, hours in grouped.items()}}


def _without_hours(known: Hours, done: Iterable[tuple[str, int]]) -> Hours:
    gone = set(done)
    if not gone:
        return known
    left = {table: frozenset(hour for hour in hours if (table, hour) not in gone) for table, hours in known.items()}
    return {table: hours for table, hours in left.items() if hours}
