"""Slows down who guesses: after some failures for a user, or from an address, each further one doubles the wait.

A failure is counted before the password is looked at, and taken back when it was right; so a thousand guesses sent
at one time are still a thousand. A user's wait is capped at a minute, because anybody can make a user wait by
failing on purpose; an address waits up to a quarter of an hour. Kept in memory: a restart forgives.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from nagare.errors import RateLimitedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

# Users and addresses each; when there are more, the one that failed least recently is forgotten.
_KEYS_LIMIT = 10_000
_FORGIVE_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How many failures are free, and the longest wait after more."""

    free: int
    cap_seconds: float

    def wait_seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures."""
        over = failures - self.free
        return 0.0 if over < 0 else min(self.cap_seconds, 2.0 ** min(over, 30))


OF_USER = Pace(free=5, cap_seconds=60.0)
OF_ADDRESS = Pace(free=20, cap_seconds=900.0)


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts failures by user and by address."""

    def __init__(self, clock: Clock, counters: Counters | None = None, *, keys_limit: int = _KEYS_LIMIT) -> None:
        """Begin with none."""
        self._clock = clock
        self._keys_limit = keys_limit
        self._users: OrderedDict[str, _Failures] = OrderedDict()
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()
        self.counters = counters or Counters()

    def attempt(self, user: str, address: str) -> None:
        """Count an attempt as failed until ``succeed`` takes it back. Raises RateLimitedError, and counts nothing then."""
        network = network_of(address)
        wait = max(self._wait(self._users, user, OF_USER), self._wait(self._addresses, network, OF_ADDRESS))
        if wait > 0:
            self.counters.add("logins_throttled")
            raise RateLimitedError(
                "cannot log in now: too many attempts failed", retry_after_seconds=wait, hint=f"wait {wait:.0f} seconds"
            )
        self._count(self._users, user)
        self._count(self._addresses, network)

    def succeed(self, user: str, address: str) -> None:
        """Forgive the user; of the address only this one attempt, for it may guess at others."""
        self._users.pop(user, None)
        failures = self._addresses.get(network_of(address))
        if failures is not None and failures.count > 0:
            failures.count -= 1

    def _wait(self, table: OrderedDict[str, _Failures], key: str, pace: Pace) -> float:
        failures = table.get(key)
        if failures is None:
            return 0.0
        since = self._clock.monotonic() - failures.last
        if since > max(_FORGIVE_SECONDS, pace.cap_seconds):
            del table[key]
            return 0.0
        return pace.wait_seconds(failures.count) - since

    def _count(self, table: OrderedDict[str, _Failures], key: str) -> None:
        failures = table.setdefault(key, _Failures())
        failures.count += 1
        failures.last = self._clock.monotonic()
        table.move_to_end(key)
        if len(table) > self._keys_limit:
            table.popitem(last=False)
            self.counters.add("throttle_dropped")


# Asked at each request, mostly of those who asked before.
@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network that an address stands for: itself, or the /64 of IPv6."""
    # Whoever has one IPv6 address has a /64 of them.
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((parsed, 64), strict=False))
