"""The table ``commands`` of an installation whose server is down: what of it is still in the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nagare.commands.heads import Heads
from nagare.commands.store import has_commands, read_heads, read_newest
from nagare.commands.tables import COMMANDS_LIMIT, COSTLY, Commands, columns_in_pieces, heads_in_pieces
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import StorageError
from nagare.lib.database_copy import copied
from nagare.model.columns import Columns, RecordTable
from nagare.model.history import COMMANDS
from nagare.records.dump import opened

# A connection of the records, whose type belongs to their room.
Connected = Any


def records_of_commands(settings: Settings) -> RecordTable:
    """Return the table, read when a query names it. Raises StorageError and ConnectFailedError then."""

    async def fetch() -> Columns:
        with _opened(settings) as connection:
            return await columns_in_pieces(_newest(connection), {})

    async def fetch_all() -> Columns:
        with _opened(settings) as connection:
            found = _newest(connection)

            async def load(ids: list[str]) -> Mapping[str, Heads | None]:
                return {} if connection is None else read_heads(connection, ids)

            return await columns_in_pieces(found, await heads_in_pieces(found, load))

    return RecordTable(COMMANDS, fetch, COSTLY, fetch_all)


def _newest(connection: Connected | None) -> Commands:
    return [] if connection is None else read_newest(connection, COMMANDS_LIMIT)


@contextmanager
def _opened(settings: Settings) -> Iterator[Connected | None]:
    """Yield the records, None where there are none with commands."""
    places = Places(settings.data)
    if settings.records.url:
        with opened(places.records, settings.records) as connection:
            yield connection if has_commands(connection) else None
        return
    if not places.records.exists():
        yield None
        return
    try:
        with copied(places.records, is_live=False) as copy, opened(copy, None) as connection:
            yield connection if has_commands(connection) else None
    except OSError as error:
        raise StorageError(f"cannot read commands of {places.records}: {error.strerror or error}") from error
