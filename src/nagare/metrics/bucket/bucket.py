"""The bucket of a store, or its absence: what the store's core asks without knowing which."""

from __future__ import annotations

from collections.abc import Callable

from nagare.config.places import Places
from nagare.config.settings import BucketSettings
from nagare.errors import ConfigError
from nagare.lib.clock import Clock
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.files import BlockFiles
from nagare.metrics.bucket.cache import BlockCache, BucketCache, NoCache
from nagare.metrics.bucket.objects import ObjectStore
from nagare.metrics.bucket.sync import BucketSync, Ground
from nagare.metrics.engine import Engine
from nagare.wire.system import BucketStatus

Damaged = Callable[[Block, str], str]


class Bucket:
    """No bucket: blocks are in ``metrics/`` alone, and nothing is to be done."""

    is_used = False
    cache: BlockCache = NoCache()

    @staticmethod
    def open(settings: BucketSettings, files: BlockFiles, damaged: Damaged) -> Bucket:
        """Return the bucket that ``settings`` describe. Raises ConfigError."""
        if not settings.is_set:
            return Bucket()
        return UsedBucket(settings, open_objects(settings), files, damaged)

    def prepare(self, places: Places) -> bool:  # noqa: ARG002  the seam's signature
        """Take it into use before the catalog is opened; tell whether a copy of the catalog was brought back."""
        return False

    def note_removals(self, catalog: Catalog, clock: Clock) -> None:
        """Let ``catalog`` remember blocks that go until they are gone from the bucket too."""

    def adopt_newer(self, catalog: Catalog, engine: Engine, damages: list[str]) -> list[Block]:  # noqa: ARG002  the seam's
        """Adopt the blocks that are newer than the copy of the catalog, and return them."""
        return []

    def start(self, ground: Ground) -> None:
        """Begin to send what is new."""

    def wake(self) -> None:
        """Say that something is new."""

    def work(self) -> None:
        """Send what waits now, the copy of the catalog too. Raises BucketUnavailableError, ConfigError."""

    def stop(self) -> None:
        """End; what waits is sent after the next start."""

    def status(self) -> BucketStatus | None:
        """Return it in numbers, None without a bucket."""
        return None


class UsedBucket(Bucket):
    """A bucket that is there."""

    is_used = True

    def __init__(self, settings: BucketSettings, objects: ObjectStore, files: BlockFiles, damaged: Damaged) -> None:
        """Keep ``objects``; nothing is sent yet."""
        self._settings = settings
        self._objects = objects
        self._files = files
        self._cache = BucketCache(objects, files, settings.cache_limit_bytes, damaged)
        self.cache = self._cache
        self._sync: BucketSync | None = None

    def prepare(self, places: Places) -> bool:
        """Claim it and bring back what is missing here."""
        from nagare.metrics.bucket.restore import prepare  # noqa: PLC0415  only who has a bucket loads it

        return prepare(self._objects, places, self._settings)

    def note_removals(self, catalog: Catalog, clock: Clock) -> None:
        """Let ``catalog`` remember."""
        catalog.now_ms = clock.now_ms

    def adopt_newer(self, catalog: Catalog, engine: Engine, damages: list[str]) -> list[Block]:
        """Adopt what the copy does not list."""
        from nagare.metrics.bucket.restore import adopt_newer  # noqa: PLC0415  only who has a bucket loads it

        return adopt_newer(self._objects, catalog, self._files, engine, damages)

    def start(self, ground: Ground) -> None:
        """Begin the rounds."""
        self._sync = BucketSync(self._objects, self._cache, self._settings, ground)
        self._sync.start()

    def wake(self) -> None:
        """Ask for a round."""
        if self._sync is not None:
            self._sync.wake()

    def work(self) -> None:
        """Do an urgent round."""
        if self._sync is not None:
            self._sync.work(is_urgent=True)

    def stop(self) -> None:
        """End the rounds."""
        if self._sync is not None:
            self._sync.stop()

    def status(self) -> BucketStatus | None:
        """Return the numbers of sync and cache."""
        if self._sync is None:
            return BucketStatus(name=self._objects.name)
        tally, traffic = self._sync.tally, self._cache.traffic
        return BucketStatus(
            name=self._objects.name,
            objects=tally.objects,
            pending_blocks=tally.pending_blocks,
            pending_bytes=tally.pending_bytes,
            uploaded_bytes_total=tally.uploaded_bytes,
            fetched_bytes_total=traffic.fetched_bytes,
            fetched_blocks_total=traffic.fetched_blocks,
            evicted_blocks_total=traffic.evicted_blocks,
            removed_blocks_total=tally.removed_blocks,
            failures_total=tally.failures,
            fault=tally.fault,
        )


def open_objects(settings: BucketSettings) -> ObjectStore:
    """Return the objects that ``settings`` describe. Raises ConfigError; nothing is sent yet."""
    if settings.name and settings.directory is not None:
        raise ConfigError("cannot use bucket: both bucket.name and bucket.directory are set", hint="choose one of them")
    if settings.directory is not None:
        from nagare.metrics.bucket.directory import DirectoryObjects  # noqa: PLC0415  one of two

        return DirectoryObjects(
            settings.directory / settings.prefix.strip("/") if settings.prefix else settings.directory
        )
    from nagare.metrics.bucket.s3 import S3Objects  # noqa: PLC0415  loads pyarrow

    return S3Objects(settings)
