"""What one live connection wants to see; pure selection."""

from __future__ import annotations

from collections.abc import Iterable

from nagare.errors import InputError, LimitExceededError
from nagare.model.host_series import LIST_SERIES
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
        # Of those that follow series: the hosts, and the series.
        self._series: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}
        # The series that are followed, of any host: asked for at every report of every host.
        self.series: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def put(self, wanted: Subscribe) -> None:
        """Add or replace a subscription. Raises InputError for a series that is not known, LimitExceededError."""
        if len(wanted.id) > _ID_LIMIT or len(wanted.tables) > _NAMES_LIMIT or len(wanted.hosts) > _NAMES_LIMIT:
            raise LimitExceededError(
                f"cannot subscribe: an id has at most {_ID_LIMIT} characters, a list at most {_NAMES_LIMIT} names",
                hint='["*"] means all',
            )
        if wanted.id not in self._by_id and len(self._by_id) >= _SUBSCRIPTION_LIMIT:
            raise LimitExceededError(f"cannot subscribe: a connection has at most {_SUBSCRIPTION_LIMIT} subscriptions")
        unknown = next((name for name in wanted.series if name not in LIST_SERIES), None)
        if unknown is not None:
            raise InputError(
                f"cannot subscribe: there is no series {unknown[:_ID_LIMIT]!r}",
                hint=f"there are {', '.join(LIST_SERIES)}",
            )
        hosts = frozenset(wanted.hosts)
        self._by_id[wanted.id] = (frozenset(wanted.tables), hosts)
        self._series.pop(wanted.id, None)
        if wanted.series:
            self._series[wanted.id] = (hosts, wanted.series)
        self._note_series()

    def remove(self, id_: str) -> None:
        """End a subscription; an unknown id is no fault."""
        self._by_id.pop(id_, None)
        self._series.pop(id_, None)
        self._note_series()

    def select(self, host: str, tables: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``tables`` that are wanted of ``host``, in their order."""
        wanted: set[str] = set()
        for names, hosts in self._by_id.values():
            if ALL in hosts or host in hosts:
                wanted |= names
        return tuple(tables) if ALL in wanted else tuple(table for table in tables if table in wanted)

    def _note_series(self) -> None:
        self.series = tuple(dict.fromkeys(name for _, names in self._series.values() for name in names))

    def follows(self, host: str) -> bool:
        """Tell whether series of ``host`` are followed."""
        return any(ALL in hosts or host in hosts for hosts, _ in self._series.values())

    def wants_host(self, host: str) -> bool:
        """Tell whether anything of ``host`` is wanted."""
        return any(ALL in hosts or host in hosts for _, hosts in self._by_id.values())
