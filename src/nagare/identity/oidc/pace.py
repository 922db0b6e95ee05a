"""How often one address may begin and ask on, so that nobody makes this server flood its provider."""

from __future__ import annotations

from collections import OrderedDict

from nagare.errors import RateLimitedError
from nagare.identity.passwords.throttle import network_of
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.token_bucket import TokenBucket

# A house behind one address: many people at nine o'clock, and their terminals that ask every five seconds.
RATE, BURST = 1.0, 60.0
_NETWORKS_LIMIT = 10_000


class AddressPace:
    """A bucket for each address (of IPv6: each /64)."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        """Begin with full ones."""
        self._clock = clock
        self.counters = counters
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def step(self, address: str) -> None:
        """Count a request. Raises RateLimitedError, and counts nothing then."""
        now, network = self._clock.monotonic(), network_of(address)
        bucket = self._buckets.setdefault(network, TokenBucket(RATE, BURST, now))
        self._buckets.move_to_end(network)
        if len(self._buckets) > _NETWORKS_LIMIT:
            self._buckets.popitem(last=False)
        if wait := bucket.wait_seconds(now):
            self.counters.add("oidc_throttled")
            raise RateLimitedError(
                "cannot log in now: too many requests of this address",
                retry_after_seconds=wait,
                hint=f"wait {max(1, round(wait))} seconds",
            )
        bucket.take(1, now)
