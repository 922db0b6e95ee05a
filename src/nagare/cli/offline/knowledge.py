"""Asks this installation what people wrote down: its live server when one runs, else its records while nobody holds their lock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nagare.cli.offline.source import find_live
from nagare.client.client import Client
from nagare.client.kb import KbCalls
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.diagnosis.kb.service import KnowledgeBase, make_library
from nagare.diagnosis.kb.shipped import shipped_source
from nagare.diagnosis.kb.store import has_knowledge, load_shelves, load_sources
from nagare.diagnosis.kb.views import passage_view, source_view, sync_reply
from nagare.errors import NotReadyError, StorageError
from nagare.lib.clock import SystemClock
from nagare.lib.database_copy import copied
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.dump import opened
from nagare.wire.kb import PassageView, SourceView, SyncReply

if TYPE_CHECKING:
    from nagare.model.diagnosis.knowledge import Source

T = TypeVar("T")
# A connection of the records, whose type belongs to their room.
Connected = Any
# Who can write the files of an installation is its owner.
_OWNER = Principal("local", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)


def list_sources(settings: Settings) -> list[SourceView]:
    """Return every source, the shipped one first. Raises errors of ``nagare.errors``."""

    def read(connection: Connected | None) -> list[SourceView]:
        return [source_view(source) for source in _sources(connection)]

    return _read(settings, lambda calls: calls.sources(), read)


def search(settings: Settings, text: str, limit: int, source: str) -> list[PassageView]:
    """Return the passages that fit, the best first. Raises errors of ``nagare.errors``."""

    def read(connection: Connected | None) -> list[PassageView]:
        directories = {one.name: one.directory for one in _sources(connection)}
        library = make_library([] if connection is None else load_shelves(connection), settings.kb)
        found = library.search(text, limit, source)
        return [passage_view(rank, one, directories.get(one.source, "")) for rank, one in enumerate(found, 1)]

    return _read(settings, lambda calls: calls.search(text, limit, source), read)


def add_source(settings: Settings, directory: str, name: str) -> SyncReply:
    """Have a directory read. Raises errors of ``nagare.errors``."""
    # A server elsewhere has directories of its own: what is not absolute means nothing there.
    place = directory if settings.client.server else os.path.abspath(os.path.expanduser(directory))  # noqa: PTH100, PTH111  a link is resolved where it is read

    async def write(kb: KnowledgeBase) -> SyncReply:
        return sync_reply(await kb.add(_OWNER, place, name))

    return _write(settings, lambda calls: calls.add(place, name), write)


def sync_source(settings: Settings, name: str) -> SyncReply:
    """Have a source read again. Raises errors of ``nagare.errors``."""

    async def write(kb: KnowledgeBase) -> SyncReply:
        return sync_reply(await kb.sync(name))

    return _write(settings, lambda calls: calls.sync(name), write)


def remove_source(settings: Settings, name: str) -> None:
    """Forget a source with its pages. Raises errors of ``nagare.errors``."""

    async def write(kb: KnowledgeBase) -> None:
        await kb.remove(name)

    _write(settings, lambda calls: calls.remove(name), write)


def _read(settings: Settings, live: Callable[[KbCalls], Awaitable[T]], read: Callable[[Connected | None], T]) -> T:
    async def ask(calls: KbCalls) -> T:
        return await live(calls)

    async def look() -> T:
        with _opened(settings) as connection:
            return read(connection)

    return asyncio.run(_from_either(settings, ask, look))


def _write(
    settings: Settings, live: Callable[[KbCalls], Awaitable[T]], write: Callable[[KnowledgeBase], Awaitable[T]]
) -> T:
    async def work() -> T:
        from nagare.records.engine import Records
        from nagare.server.running.directories import make_directories

        places = Places(settings.data)
        make_directories(places)
        async with (
            Records(places.records, settings.records, alone=True) as records,
            KnowledgeBase(records, settings.kb, settings.data, SystemClock()) as kb,
        ):
            return await write(kb)

    return asyncio.run(_from_either(settings, live, work))


async def _from_either(
    settings: Settings, live: Callable[[KbCalls], Awaitable[T]], files: Callable[[], Awaitable[T]]
) -> T:
    target = find_live(settings)
    if target is not None:
        async with Client(target, deadline_seconds=settings.client.deadline_seconds) as client:
            return await live(KbCalls(client))
    with shared(Places(settings.data).lock) as owner:
        if owner is not None:
            raise NotReadyError(
                f"cannot ask the server of {settings.data}: process {owner or '(unknown)'} is starting or stopping",
                hint="try again in a moment",
            )
        return await files()


@contextmanager
def _opened(settings: Settings) -> Iterator[Connected | None]:
    """Yield the records, None where there are none with pages: then the shipped pages are all there is."""
    places = Places(settings.data)
    if settings.records.url:
        with opened(places.records, settings.records) as connection:
            yield connection if has_knowledge(connection) else None
        return
    if not places.records.exists():
        yield None
        return
    try:
        with copied(places.records, is_live=False) as copy, opened(copy, None) as connection:
            yield connection if has_knowledge(connection) else None
    except OSError as error:
        raise StorageError(f"cannot read pages of {places.records}: {error.strerror or error}") from error


def _sources(connection: Connected | None) -> list[Source]:
    return [shipped_source(), *(() if connection is None else load_sources(connection))]
