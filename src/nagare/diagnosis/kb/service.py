"""The knowledge base of this installation: its sources in the records, and an index of them in memory.

The index is made when somebody asks after a change, on a thread of its own, where questions are answered; directories are read
on another, so that a file server that is gone holds up no question. What the index is made of are the records alone, so it
outlives the directories, a restart and a move to another machine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from nagare.config.diagnosis import KbSettings
from nagare.diagnosis.kb.checkout import find_commit
from nagare.diagnosis.kb.chunks import Page
from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.diagnosis.kb.places import check_directory, name_for
from nagare.diagnosis.kb.reading import Reading, read_directory
from nagare.diagnosis.kb.shipped import shipped_shelves, shipped_source
from nagare.diagnosis.kb.store import (
    Added,
    Read,
    add_source,
    get_source,
    load_owners,
    load_shelves,
    load_sources,
    remove_source,
    sync_source,
    tell_fault,
)
from nagare.errors import InputError, NagareError, OverloadedError
from nagare.lib.clock import Clock
from nagare.model.diagnosis.knowledge import SHIPPED, Passage, Source, Synced
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.records.engine import Records

if TYPE_CHECKING:
    # Loads numpy, for which only who asks pays.
    from nagare.diagnosis.kb.library import Library

log = logging.getLogger(__name__)

RESULTS_LIMIT = 50
# A question takes milliseconds; more that wait at one time mean that something is wrong. So do directories that wait.
_WAITING_LIMIT, _READING_LIMIT = 64, 16
T = TypeVar("T")


class _Lane:
    """A thread, and how many wait for it."""

    def __init__(self, name: str, limit: int, what: str) -> None:
        """Begin no thread before there is work; ``what`` waits is told where more than ``limit`` do."""
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._limit = limit
        self._what = what
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, done on the thread. Raises OverloadedError, and what it raises."""
        if self._waiting >= self._limit:
            raise OverloadedError(f"cannot ask the knowledge base: {self._limit} {self._what} wait already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def end(self) -> None:
        """Let the thread end after what it is about."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class KnowledgeBase:
    """Sources, and the passages that fit a question. Leaving it ends its threads."""

    def __init__(self, records: Records, settings: KbSettings, data: Path, clock: Clock) -> None:
        """Keep the neighbours; ``data`` is the installation's directory, which is never read."""
        self._records = records
        self._settings = settings
        self._data = data
        self._clock = clock
        self._questions = _Lane("kb", _WAITING_LIMIT, "questions")
        self._directories = _Lane("kb-pages", _READING_LIMIT, "directories")
        # Counts the changes; the index is of one of them, and is made anew for another.
        self._revision = 0
        self._indexed = -1
        self._library: Library | None = None

    async def __aenter__(self) -> Self:
        """Enter; nothing is read yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads after what they are about."""
        self._questions.end()
        self._directories.end()

    async def run(self) -> None:
        """Sync every source each ``kb.sync_seconds``, until cancelled; what fails is told beside its source."""
        while True:
            await self._clock.sleep(self._settings.sync_seconds or 3600.0)
            if self._settings.sync_seconds:
                await self._sync_all()

    async def sources(self) -> list[Source]:
        """Return every source, the shipped one first."""
        return [shipped_source(), *await self._records.read(load_sources)]

    async def add(self, principal: Principal, directory: str, name: str = "") -> Synced:
        """Begin a source and read it.

        Raises InputError, PermissionDeniedError for a directory that the caller may not have read, ConflictError for a name
        that is taken, LimitExceededError.
        """
        is_owner = principal.kind is PrincipalKind.LOCAL

        def find() -> Path:
            real = self._checked(directory, is_owner=is_owner)
            # A name that cannot be is refused before anything is read.
            name_for(real, name)
            return real

        real, read = await self._read(find)
        added = Added(name_for(real, name), str(real), principal.name, is_owner)
        synced = await self._records.write(lambda connection: add_source(connection, added, read))
        self._revision += 1
        return synced

    async def sync(self, name: str) -> Synced:
        """Read a source again: what changed is taken up, what is gone vanishes.

        Raises NotFoundError, InputError, PermissionDeniedError, LimitExceededError; then its pages stay as they were.
        """
        if name == SHIPPED:
            return Synced(shipped_source(), unchanged=len(shipped_shelves()))
        source = await self._records.read(lambda connection: get_source(connection, name))
        owners = await self._records.read(load_owners)

        def find() -> Path:
            real = self._checked(source.directory, is_owner=name in owners)
            if str(real) != source.directory:
                raise InputError(f"cannot read directory {source.directory}: a link stands in its place")
            return real

        try:
            _, read = await self._read(find)
            synced = await self._records.write(lambda connection: sync_source(connection, name, read))
        except NagareError as error:
            fault = error.message
            await self._records.write(lambda connection: tell_fault(connection, name, fault))
            raise
        if synced.added or synced.changed or synced.removed or synced.source.version != source.version:
            self._revision += 1
        return synced

    async def remove(self, name: str) -> Source:
        """Forget a source with its pages; its directory stays as it is. Raises NotFoundError, InputError."""
        if name == SHIPPED:
            raise InputError(f"cannot remove source {SHIPPED}: it comes with the package")
        gone = await self._records.write(lambda connection: remove_source(connection, name))
        self._revision += 1
        return gone

    async def search(
        self, text: str, limit: int = 10, principal: Principal | None = None, source: str = ""
    ) -> tuple[Passage, ...]:
        """Return the passages that fit ``text``, one a page, the best first; none where nothing fits.

        ``principal`` is who asks (None: the server itself): who may not read the knowledge base finds nothing. ``source``
        narrows it to one. Raises OverloadedError.
        """
        if principal is not None and not principal.may(Permission.KB_READ):
            return ()
        library = await self._current()
        count = max(1, min(limit, RESULTS_LIMIT))
        return tuple(await self._questions.run(lambda: library.search(text, count, source)))

    async def page(self, passage: Passage) -> Page | None:
        """Return the whole page of a passage, None when it is gone."""
        library = await self._current()
        return await self._questions.run(lambda: library.page(passage.source, passage.path))

    async def _current(self) -> Library:
        revision = self._revision
        if self._library is None or self._indexed != revision:
            stored = await self._records.read(load_shelves)
            return await self._questions.run(lambda: self._make(revision, stored))
        return self._library

    def _make(self, revision: int, stored: list[Shelf]) -> Library:
        """Make the index, on the thread, unless another question had it made meanwhile."""
        if self._library is None or self._indexed < revision:
            self._library, self._indexed = make_library(stored, self._settings), revision
        return self._library

    async def _sync_all(self) -> None:
        for source in await self._records.read(load_sources):
            try:
                await self.sync(source.name)
            except NagareError as error:
                log.warning("kb_source_not_synced name=%s: %s", source.name, error.message)

    def _checked(self, directory: str, *, is_owner: bool) -> Path:
        return check_directory(directory, self._settings.directories, self._data, is_owner=is_owner)

    async def _read(self, find: Callable[[], Path]) -> tuple[Path, Read]:
        """Find a directory and read it, all on the thread: a file server that is gone holds up other directories alone."""

        def work() -> tuple[Path, Reading, str]:
            directory = find()
            return directory, read_directory(directory, self._data), find_commit(directory)

        directory, reading, version = await self._directories.run(work)
        return directory, Read(reading, version, self._clock.now_ms())


def make_library(stored: list[Shelf], settings: KbSettings) -> Library:
    """Return the index of ``stored`` and the shipped pages: blocking. Raises StorageError for a model that does not read."""
    from nagare.diagnosis.kb.embedding import find_embedder  # noqa: PLC0415  loads numpy
    from nagare.diagnosis.kb.library import Library  # noqa: PLC0415  as above

    embedder = find_embedder() if settings.embeddings == "auto" else None
    return Library([*stored, *shipped_shelves()], embedder)
