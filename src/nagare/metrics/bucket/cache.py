"""The local folder as a cache of the bucket: what a reader needs is fetched, what nobody reads may go.

A reader says ``with cache.holding():`` and, inside, ``cache.need(blocks)`` just before it names their files; what it
needed stays on the disk until the block of code ends. Without a bucket ``NoCache`` stands in its place.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from nagare.errors import CorruptBlockError, ResultTooLargeError
from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.checksum import file_checksum, named_checksum
from nagare.metrics.blocks.files import TEMPORARY_SUFFIX, BlockFiles, make_folders
from nagare.metrics.bucket.keys import block_key
from nagare.metrics.bucket.objects import ObjectStore, Stop, never


class BlockCache(Protocol):
    """What readers of blocks need."""

    @contextmanager
    def holding(self, stop: Stop = never) -> Iterator[None]:
        """Keep what this thread needs until the end; ``stop`` is called while it waits for blocks, and may raise."""
        ...

    def need(self, blocks: Iterable[Block]) -> None:
        """See that the files of ``blocks`` are here. Raises BucketUnavailableError, CorruptBlockError, ResultTooLargeError."""
        ...

    def is_elsewhere(self, block: Block) -> bool:
        """Tell whether the file of ``block`` is only in the bucket."""
        ...


class NoCache:
    """Every block is here."""

    @contextmanager
    def holding(self, stop: Stop = never) -> Iterator[None]:  # noqa: ARG002  the seam's signature
        """Hold nothing."""
        yield

    def need(self, blocks: Iterable[Block]) -> None:
        """Need nothing."""

    def is_elsewhere(self, block: Block) -> bool:  # noqa: ARG002  the seam's signature
        """Tell that it is not."""
        return False


@dataclass(slots=True)
class _Hold:
    stop: Stop
    paths: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Traffic:
    """What was moved so far; numbers only rise."""

    fetched_bytes: int = 0
    fetched_blocks: int = 0
    evicted_blocks: int = 0


class BucketCache:
    """The cache over ``objects``; used from every thread that reads blocks."""

    def __init__(
        self, objects: ObjectStore, files: BlockFiles, limit_bytes: int, damaged: Callable[[Block, str], str]
    ) -> None:
        """Fetch from ``objects``; ``damaged`` leaves out a block whose object holds other bytes, and says so."""
        self._objects = objects
        self._files = files
        self._limit_bytes = limit_bytes
        self._damaged = damaged
        self._thread = threading.local()
        # Guards the three below: held for moments, and while a file goes.
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._turns: dict[str, int] = {}
        self._turn = 0
        # One reader fetches a block; the others that need it wait for this one.
        self._fetching: dict[str, threading.Lock] = {}
        self.traffic = Traffic()

    @contextmanager
    def holding(self, stop: Stop = never) -> Iterator[None]:
        """Keep what this thread needs until the end."""
        holds = self._holds()
        hold = _Hold(stop)
        holds.append(hold)
        try:
            yield
        finally:
            holds.remove(hold)
            with self._lock:
                self._uses.subtract(hold.paths)
                self._uses += Counter()

    def need(self, blocks: Iterable[Block]) -> None:
        """See that the files of ``blocks`` are here, and stay while this thread holds."""
        holds = self._holds()
        hold = holds[-1] if holds else _Hold(never)
        fresh = [block for block in blocks if block.path not in hold.paths]
        with self._lock:
            for block in fresh:
                self._turn += 1
                self._turns[block.path] = self._turn
                if holds:
                    self._uses[block.path] += 1
                    hold.paths.add(block.path)
        absent = [block for block in fresh if self.is_elsewhere(block)]
        self._check_room(absent)
        for block in absent:
            self._fetch(block, hold.stop)

    def is_elsewhere(self, block: Block) -> bool:
        """Tell whether the file of ``block`` is not here."""
        return not (self._files.directory / block.path).exists()

    def evict(self, blocks: Sequence[Block]) -> int:
        """Remove files of ``blocks``, which are in the bucket, until all local ones fit; return how many went."""
        local = [block for block in blocks if not self.is_elsewhere(block)]
        size = sum(block.bytes for block in local)
        gone = 0
        # What was never asked for goes first, the oldest of it before the newest.
        for block in sorted(local, key=lambda block: (self._turns.get(block.path, 0), block.max_ms)):
            if size <= self._limit_bytes:
                break
            with self._lock:
                if self._uses[block.path]:
                    continue
                self._files.remove([block])
            size -= block.bytes
            gone += 1
        with self._lock:
            known = {block.path for block in blocks}
            self._turns = {path: turn for path, turn in self._turns.items() if path in known}
        self.traffic.evicted_blocks += gone
        return gone

    def _holds(self) -> list[_Hold]:
        found: list[_Hold] | None = getattr(self._thread, "holds", None)
        if found is None:
            found = self._thread.holds = []
        return found

    def _check_room(self, absent: Sequence[Block]) -> None:
        size = sum(block.bytes for block in absent)
        if size > self._limit_bytes:
            raise ResultTooLargeError(
                f"cannot read {len(absent)} blocks of {size} bytes from bucket {self._objects.name}: "
                f"the cache holds {self._limit_bytes}",
                hint="ask for a shorter time, read a rollup (_1m, _1h), or raise bucket.cache_limit_bytes",
            )

    def _fetch(self, block: Block, stop: Stop) -> None:
        with self._lock:
            one = self._fetching.setdefault(block.path, threading.Lock())
        with one:
            stop()
            if self.is_elsewhere(block):
                self._bring(block, stop)
        with self._lock:
            self._fetching.pop(block.path, None)

    def _bring(self, block: Block, stop: Stop) -> None:
        target = self._files.directory / block.path
        make_folders(self._files.directory, target.parent)
        temporary = target.with_name(f"{target.stem}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
        try:
            self._objects.get(block_key(block.path), temporary, stop)
            size = temporary.stat().st_size
            expected = named_checksum(block.path)
            if size != block.bytes or (expected is not None and file_checksum(temporary) != expected):
                raise CorruptBlockError(self._damaged(block, f"the bucket holds other bytes of it ({size} bytes)"))
            temporary.chmod(0o600)
            temporary.rename(target)
        except FileNotFoundError as error:
            raise CorruptBlockError(self._damaged(block, "it is neither here nor in the bucket")) from error
        finally:
            temporary.unlink(missing_ok=True)
        self._files.looks.add(block.path)
        self.traffic.fetched_bytes += size
        self.traffic.fetched_blocks += 1
