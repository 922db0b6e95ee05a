"""Asks this installation in SQL: its live server when one runs, else its files while nobody holds their lock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from nagare.client.client import Client
from nagare.client.owner import shared
from nagare.client.target import Target, find_target
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConnectFailedError, NotReadyError
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.sql import SqlReply, SqlRequest, TableView

T = TypeVar("T")
Ask = Callable[[SqlRequest], Awaitable[SqlReply]]


def ask(settings: Settings, request: SqlRequest) -> SqlReply:
    """Return the answer to ``request``. Raises errors of ``nagare.errors``."""

    async def live(client: Client) -> SqlReply:
        return await client.sql(
            request.sql, request.params, request.limit, since_ms=request.since_ms, until_ms=request.until_ms
        )

    async def files(store: Any) -> SqlReply:
        reply: SqlReply = await store.query(request)
        return reply

    return asyncio.run(_from_either(settings, live, files))


def ask_often(settings: Settings, work: Callable[[Ask], Awaitable[T]]) -> T:
    """Return what ``work`` makes of one who answers many statements. Raises errors of ``nagare.errors``."""

    async def live(client: Client) -> T:
        async def answer(request: SqlRequest) -> SqlReply:
            return await client.sql(
                request.sql, request.params, request.limit, since_ms=request.since_ms, until_ms=request.until_ms
            )

        return await work(answer)

    async def files(store: Any) -> T:
        return await work(store.query)

    return asyncio.run(_from_either(settings, live, files))


def count_series(settings: Settings, top: int) -> CardinalityReply:
    """Return the number of series, with the largest groups. Raises errors of ``nagare.errors``."""

    async def live(client: Client) -> CardinalityReply:
        return await client.cardinality(top)

    async def files(store: Any) -> CardinalityReply:
        reply: CardinalityReply = await store.cardinality(top)
        return reply

    return asyncio.run(_from_either(settings, live, files))


def describe(settings: Settings) -> list[TableView]:
    """Return the tables that SQL sees. Raises errors of ``nagare.errors``."""

    async def live(client: Client) -> list[TableView]:
        return await client.tables()

    async def files(store: Any) -> list[TableView]:
        views: list[TableView] = store.describe()
        return views

    return asyncio.run(_from_either(settings, live, files))


async def _from_either(
    settings: Settings, live: Callable[[Client], Awaitable[T]], files: Callable[[Any], Awaitable[T]]
) -> T:
    target = find_live(settings)
    if target is not None:
        async with Client(target, deadline_seconds=settings.client.deadline_seconds) as client:
            return await live(client)
    if not settings.data.is_dir():
        cause = "it is no directory" if settings.data.exists() else "there is none"
        raise ConnectFailedError(f"cannot read installation {settings.data}: {cause}", hint="begin one with: nagare up")
    with shared(Places(settings.data).lock) as owner:
        if owner is not None:
            raise NotReadyError(
                f"cannot ask the server of {settings.data}: process {owner or '(unknown)'} is starting or stopping",
                hint="try again in a moment",
            )
        from nagare.cli.offline.command_records import records_of_commands
        from nagare.metrics.offline import OfflineStore

        async with OfflineStore(settings, records=[records_of_commands(settings)]) as store:
            return await files(store)


def find_live(settings: Settings) -> Target | None:
    """Return the server to ask, None when none runs here. Raises what reaching it raises."""
    try:
        return find_target(settings)
    except ConnectFailedError:
        # A server that was named must answer; only "none runs here" leads to the files.
        if settings.client.server:
            raise
        return None
