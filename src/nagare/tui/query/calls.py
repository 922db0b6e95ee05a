"""What the screen of queries asks: the seam between it and the client, which fits it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nagare.wire.sql import SqlReply, TableView


class QuerySeam(Protocol):
    """Every call may raise NagareError; a call that is cancelled ends the query at the server too."""

    async def tables(self) -> list[TableView]:
        """Return the tables that SQL sees."""
        ...

    async def sql(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        limit: int | None = None,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SqlReply:
        """Run one SELECT over the rows of a time."""
        ...
