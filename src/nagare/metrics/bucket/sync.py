"""Keeps the bucket like the catalog, on a thread of its own: sends what is new, then removes what was replaced.

The order of a round is the promise. Blocks first; then a copy of the catalog, so that every block that it lists is in
the bucket; and only then, some minutes later, goes what the copy no longer lists. Whatever moment a machine is lost
at, the copy and the blocks beside it are whole. What waits to be sent is every block that is not in the bucket: the
queue is the disk itself, and none of it is ever evicted.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nagare.config.settings import BucketSettings
from nagare.errors import NagareError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.library import Library
from nagare.metrics.bucket.cache import BucketCache
from nagare.metrics.bucket.keys import BLOCKS, CATALOG, SERIES, block_key
from nagare.metrics.bucket.objects import ObjectStore
from nagare.metrics.bucket.owner import Installation, claim
from nagare.metrics.observe import Observer
from nagare.metrics.samples.series_files import SeriesFiles

log = logging.getLogger(__name__)

# Another reader of the bucket, or a query that began before, may still be at a block that was replaced.
GRACE_SECONDS = 600.0
# How often the copy of the catalog is renewed at the most; one of many series is large and renewed more seldom.
CATALOG_SECONDS = 60.0
_LARGE_CATALOG_BYTES = 32 * 2**20
_LARGE_FACTOR = 15
_OWNER_SECONDS = 60.0
_ROUND_SECONDS = 5.0


@dataclass(slots=True)
class BucketTally:
    """The bucket in numbers."""

    objects: int = 0
    pending_blocks: int = 0
    pending_bytes: int = 0
    uploaded_bytes: int = 0
    removed_blocks: int = 0
    failures: int = 0
    # Why the last round failed; empty while all is well.
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What of the store a bucket is kept like; ``metrics`` is the folder of the blocks."""

    catalog: Catalog
    library: Library
    metrics: Path
    clock: Clock
    observer: Observer


class BucketSync:
    """Rounds of one installation; ``start`` begins the thread, ``wake`` asks for a round soon, ``stop`` ends it."""

    def __init__(self, objects: ObjectStore, cache: BucketCache, settings: BucketSettings, ground: Ground) -> None:
        """Describe it; nothing is sent yet."""
        self._objects = objects
        self._cache = cache
        self._settings = settings
        self._catalog = ground.catalog
        self._library = ground.library
        self._metrics = ground.metrics
        self._series = SeriesFiles(ground.metrics)
        self._clock = ground.clock
        self._observer = ground.observer
        self._own = Installation.load_or_make(ground.metrics)
        self._claimed_at: float | None = None
        # Keys and sizes of what is in the bucket; None until it was asked.
        self._known: dict[str, int] | None = None
        # Of the newest copy of the catalog: its number of changes, when it was made, its size, and what it lists no more.
        self._copied_changes = -1
        self._copied_at: float | None = None
        self._copied_bytes = 0
        self._removable: dict[str, int] = {}
        # Held for a round: the thread's own, or one that was asked for.
        self._round = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nagare-bucket", daemon=True)
        self.tally = BucketTally()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Ask for a round: something changed."""
        self._wake.set()

    def stop(self) -> None:
        """End after what is being sent; what waits is sent after the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def work(self, *, is_urgent: bool = False) -> None:
        """Do one round; an urgent one renews the copy of the catalog at once. Raises NagareError, OSError."""
        with self._round:
            self._work(is_urgent=is_urgent)

    def _work(self, *, is_urgent: bool) -> None:
        self._claim()
        known = self._listed()
        blocks = [block for group in self._library.current.blocks.values() for block in group]
        self._send_blocks(blocks, known)
        self._send_series(known)
        self._send_catalog(known, is_urgent=is_urgent)
        self._remove_replaced(known)
        self._cache.evict([block for block in blocks if known.get(block_key(block.path)) == block.bytes])
        self.tally.objects = len(known)

    def _run(self) -> None:
        backoff = Backoff(base_seconds=1.0, cap_seconds=60.0)
        while not self._stopping.is_set():
            try:
                self.work()
            except (NagareError, OSError) as error:
                self._fail(error)
                self._stopping.wait(backoff.next_seconds())
                continue
            if self.tally.fault:
                log.info("bucket_resumed bucket=%s", self._objects.name)
                self.tally.fault = ""
            backoff.reset()
            self._wake.wait(_ROUND_SECONDS)
            self._wake.clear()

    def _fail(self, error: NagareError | OSError) -> None:
        self.tally.failures += 1
        message = error.message if isinstance(error, NagareError) else str(error)
        if message != self.tally.fault:
            log.warning("bucket_failed error=%s", message)
        self.tally.fault = message
        # What it holds may be another thing once it answers again.
        self._known = None

    def _claim(self) -> None:
        # Again and again: who took it over meanwhile must not lose blocks to us.
        now = self._clock.monotonic()
        if self._claimed_at is None or now - self._claimed_at >= _OWNER_SECONDS:
            claim(self._objects, self._own, self._settings.take_over, is_new=False)
            self._claimed_at = now

    def _listed(self) -> dict[str, int]:
        if self._known is None:
            self._known = {**self._objects.list(BLOCKS), **self._objects.list(SERIES)}
        return self._known

    def _send_blocks(self, blocks: Iterable[Block], known: dict[str, int]) -> None:
        waiting = [block for block in blocks if known.get(block_key(block.path)) != block.bytes]
        waiting = [block for block in waiting if not self._cache.is_elsewhere(block)]
        self._count(waiting)
        for number, block in enumerate(sorted(waiting, key=lambda block: block.min_ms)):
            if self._stopping.is_set():
                return
            # One that was merged or dropped meanwhile is gone, and need not be sent.
            with contextlib.suppress(FileNotFoundError):
                self._objects.put(block_key(block.path), self._metrics / block.path)
                known[block_key(block.path)] = block.bytes
                self.tally.uploaded_bytes += block.bytes
                self._observer.step("block_sent")
            self._count(waiting[number + 1 :])

    def _count(self, waiting: list[Block]) -> None:
        self.tally.pending_blocks = len(waiting)
        self.tally.pending_bytes = sum(block.bytes for block in waiting)

    def _send_series(self, known: dict[str, int]) -> None:
        present = {f"{SERIES}/{path.name}": path for path in self._series.paths()}
        for key, path in present.items():
            with contextlib.suppress(FileNotFoundError):
                if key not in known:
                    self._objects.put(key, path)
                    known[key] = path.stat().st_size
        # A merged file holds what they held: numbers never change their meaning.
        old = [key for key in known if key.startswith(f"{SERIES}/") and key not in present]
        if old and present:
            self._objects.delete(old)
            for key in old:
                del known[key]

    def _send_catalog(self, known: dict[str, int], *, is_urgent: bool) -> None:
        if self.tally.pending_blocks or self._catalog.changes == self._copied_changes:
            return
        now = self._clock.monotonic()
        every = CATALOG_SECONDS * (_LARGE_FACTOR if self._copied_bytes > _LARGE_CATALOG_BYTES else 1)
        if not is_urgent and self._copied_at is not None and now - self._copied_at < every:
            return
        changes = self._catalog.changes
        copy = self._metrics / "catalog.copy.tmp"
        try:
            listed = self._catalog.copy_to(copy)
            # A block that the copy lists and that is not in the bucket yet waits for the next round.
            if any(self._may_come(block) for block in listed.blocks if known.get(block_key(block.path)) != block.bytes):
                return
            self._copied_bytes = copy.stat().st_size
            self._objects.put(CATALOG, copy)
        finally:
            copy.unlink(missing_ok=True)
        self._copied_changes, self._copied_at, self._removable = changes, now, listed.removed
        self._observer.step("catalog_sent")

    def _may_come(self, block: Block) -> bool:
        """Tell whether a block that is not in the bucket is still to be sent, or went while the catalog was copied.

        Of one that was set aside as damaged neither is true: no copy would ever be without it.
        """
        return not self._cache.is_elsewhere(block) or not self._catalog.has_block(block.path)

    def _remove_replaced(self, known: dict[str, int]) -> None:
        # Only what the copy in the bucket lists no more, however fast the catalog went on since.
        until_ms = self._clock.now_ms() - round(GRACE_SECONDS * 1000)
        paths = [path for path, since_ms in self._removable.items() if since_ms <= until_ms]
        if not paths:
            return
        self._objects.delete([block_key(path) for path in paths])
        self._observer.step("block_removed")
        self._catalog.forget_removed(paths)
        for path in paths:
            known.pop(block_key(path), None)
            del self._removable[path]
        self.tally.removed_blocks += len(paths)
