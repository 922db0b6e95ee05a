"""How many values a host may send a second, and all together: refused before a byte of the body is read.

The bucket of a host is its own, so that a flood from one leaves the others what is theirs. A token that belongs to no
host speaks for many, so only the limit for all holds for it.
"""

from __future__ import annotations

from collections import OrderedDict

from nagare.config.settings import ServerSettings
from nagare.errors import RateLimitedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.token_bucket import TokenBucket
from nagare.model.principal import Principal

# Far more hosts than one server has; the one not heard of for longest is forgotten, with what it owes.
_HOSTS = 20_000


class IngestLimits:
    """The buckets of one server; used on the event loop alone."""

    def __init__(self, settings: ServerSettings, clock: Clock) -> None:
        """Begin with full buckets."""
        self._settings = settings
        self._clock = clock
        self._hosts: OrderedDict[str, TokenBucket] = OrderedDict()
        rate = settings.values_per_second
        self._all = TokenBucket(rate, settings.values_burst, clock.monotonic()) if rate else None
        self.counters = Counters()

    @property
    def is_on(self) -> bool:
        """Whether any limit is set, so that values need to be counted."""
        return self._all is not None or self._settings.host_values_per_second > 0

    def check(self, principal: Principal) -> None:
        """Raise RateLimitedError while ``principal``, or all together, have sent too much."""
        if not self.is_on:
            return
        now = self._clock.monotonic()
        bucket = self._bucket(principal, now)
        if bucket is not None and (wait := bucket.wait_seconds(now)):
            self.counters.add("refused_by_host_limit")
            rate = self._settings.host_values_per_second
            raise _refusal(f"host {principal.host!r} sends more than {rate:g} values a second", "host_values", wait)
        if self._all is not None and (wait := self._all.wait_seconds(now)):
            self.counters.add("refused_by_total_limit")
            rate = self._settings.values_per_second
            raise _refusal(f"all senders together send more than {rate:g} values a second", "values", wait)

    def spend(self, principal: Principal, values: int) -> None:
        """Count ``values`` that ``principal`` sent."""
        if not self.is_on:
            return
        now = self._clock.monotonic()
        for bucket in (self._bucket(principal, now), self._all):
            if bucket is not None:
                bucket.take(values, now)

    def _bucket(self, principal: Principal, now: float) -> TokenBucket | None:
        rate, host = self._settings.host_values_per_second, principal.host
        if not rate or host is None:
            return None
        bucket = self._hosts.get(host)
        if bucket is None:
            bucket = self._hosts[host] = TokenBucket(rate, self._settings.host_values_burst, now)
            if len(self._hosts) > _HOSTS:
                self._hosts.popitem(last=False)
        self._hosts.move_to_end(host)
        return bucket


def _refusal(cause: str, setting: str, wait: float) -> RateLimitedError:
    return RateLimitedError(
        f"cannot take in values: {cause}",
        hint=f"send again after the time in Retry-After, or raise server.{setting}_per_second",
        retry_after_seconds=wait,
    )
