"""Logins that have begun and wait for the provider: a bounded table in memory, each entry good once and not for long."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from nagare.identity.passwords.throttle import network_of
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

# In all, and of one address (of IPv6: a /64): beyond either the oldest goes, of that address or of all.
TOTAL_LIMIT, NETWORK_LIMIT = 2000, 50
_RANDOM_BYTES = 32

T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    network: str
    ends: float


class BegunLogins(Generic[T]):
    """Values by a secret that only who began knows; kept by its digest."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        """Begin with none."""
        self._clock = clock
        self.counters = counters
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._entries)

    def add(self, value: T, address: str, life_seconds: float) -> str:
        """Keep ``value`` and return the secret that finds it again."""
        self._drop_ended()
        network = network_of(address)
        own = [key for key, entry in self._entries.items() if entry.network == network]
        if len(own) >= NETWORK_LIMIT:
            self._drop(own[0])
        if len(self._entries) >= TOTAL_LIMIT:
            self._drop(next(iter(self._entries)))
        secret = secrets.token_urlsafe(_RANDOM_BYTES)
        self._entries[_digest(secret)] = _Entry(value, network, self._clock.monotonic() + life_seconds)
        return secret

    def find(self, secret: str) -> T | None:
        """Return what ``secret`` stands for, while it lives."""
        entry = self._entries.get(_digest(secret))
        return entry.value if entry is not None and entry.ends > self._clock.monotonic() else None

    def take(self, secret: str) -> T | None:
        """Return it as ``find`` does, for the last time."""
        value = self.find(secret)
        self._entries.pop(_digest(secret), None)
        return value

    def _drop_ended(self) -> None:
        now = self._clock.monotonic()
        for key in [key for key, entry in self._entries.items() if entry.ends <= now]:
            del self._entries[key]

    def _drop(self, key: str) -> None:
        del self._entries[key]
        self.counters.add("oidc_dropped")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
