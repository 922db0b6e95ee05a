"""What one live connection wants to see; pure selection."""

from __future__ import annotations

from collections.abc import Iterable

from nagare.errors import LimitExceededError
from nagare.wire.live import Subscribe

_SUBSCRIPTION_LIMIT = 64
_NAMES_LIMIT = 1024
_ID_LIMIT = 128
ALL = "*"


class Subscriptions:
    """The subscriptions of one connection, by their ids."""

    def __init__(self) -> None:
        """Begin with none: a connection that asks for nothing receives nothing."""
        self._by_id: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def put(self, wanted: Subscribe) -> None:
        """Add or replace a subscription. Raises LimitExceededError."""
        if len(wanted.id) > _ID_LIMIT or len(wanted.tables) > _NAMES_LIMIT or len(wanted.hosts) > _NAMES_LIMIT:
            raise LimitExceededError(
                f"cannot subscribe: an id has at most {_ID_LIMIT} characters, a list at most {_NAMES_LIMIT} names",
                hint='["*"] means all',
            )
        if wanted.id not in self._by_id and len(self._by_id) >= _SUBSCRIPTION_LIMIT:
            raise LimitExceededError(f"cannot subscribe: a connection has at most {_SUBSCRIPTION_LIMIT} subscriptions")
        self._by_id[wanted.id] = (frozenset(wanted.tables), frozenset(wanted.hosts))

    def remove(self, id_: str) -> None:
        """End a subscription; an unknown id is no fault."""
        self._by_id.pop(id_, None)

    def select(self, host: str, tables: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``tables`` that are wanted of ``host``, in their order."""
        wanted: set[str] = set()
        for names, hosts in self._by_id.values():
            if ALL in hosts or host in hosts:
                wanted |= names
        return tuple(tables) if ALL in wanted else tuple(table for table in tables if table in wanted)

    def wants_host(self, host: str) -> bool:
        """Tell whether anything of ``host`` is wanted."""
        return any(ALL in hosts or host in hosts for _, hosts in self._by_id.values())
