"""Which requests are counted, for whom, and what is said to who sends too many.

The owner of the installation is not limited, and neither is what hosts send: ``server.ingest_limits`` bounds its values.
A host has a count of its own and none of its address, for a whole fleet may share one.
"""

from __future__ import annotations

from typing import Self

from nagare.config.settings import LimitsSettings
from nagare.errors import RateLimitedError
from nagare.identity.passwords.throttle import network_of
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.server.rates.enduring import EnduringLimiter
from nagare.server.rates.limiter import Ask, Limiter
from nagare.server.rates.memory import MemoryLimiter
from nagare.server.rates.shared import RedisLimiter
from nagare.server.route import Route
from nagare.wire.oidc import DevicePoll


class RateLimits:
    """The limits of one server; used on the event loop alone."""

    def __init__(self, settings: LimitsSettings, clock: Clock) -> None:
        """Count in memory, or in Redis where one is configured. Raises ConfigError when that one cannot be used."""
        self._settings = settings
        self.counters = Counters()
        memory = MemoryLimiter(clock, self.counters, keys_limit=settings.keys_limit)
        self._shared = (
            EnduringLimiter(RedisLimiter(settings), memory, clock, self.counters) if settings.redis_url else None
        )
        self._limiter: Limiter = self._shared or memory

    async def __aenter__(self) -> Self:
        """Begin; nothing is connected yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of connections."""
        await self._limiter.close()

    @property
    def where(self) -> str:
        """Where counts are, in words: memory, Redis, or memory because Redis is away."""
        if self._shared is None:
            return "memory"
        return f"memory alone: {self._shared.fault}" if self._shared.fault else "redis"

    @property
    def is_away(self) -> bool:
        """Whether Redis is configured and cannot be reached."""
        return self._shared is not None and bool(self._shared.fault)

    async def check_stranger(self, route: Route | None, address: str) -> None:
        """Count a request of nobody that is known. Raises RateLimitedError."""
        network = network_of(address)
        asks = [("address", Ask(f"address:{network}", self._settings.address_requests_per_minute))]
        if route is not None and _is_login(route):
            asks.append(("login", Ask(f"login:{network}", self._settings.address_logins_per_minute)))
        await self._take(asks)

    def counts(self, route: Route | None, principal: Principal) -> bool:
        """Tell whether a request of ``principal`` is one to ``check``; that of an agent with its batch is not."""
        is_local = principal.kind is PrincipalKind.LOCAL
        return not is_local and (route is None or not _is_bounded_elsewhere(route, principal))

    async def check(self, route: Route | None, principal: Principal, address: str) -> None:
        """Count a request of ``principal`` that counts. Raises RateLimitedError."""
        kind = principal.kind
        if kind in (PrincipalKind.ANONYMOUS, PrincipalKind.JOIN):
            await self.check_stranger(route, address)
            return
        asks = [("user", Ask(f"user:{principal.user_id or principal.id}", self._settings.user_requests_per_minute))]
        # Dashboards in browsers all ask from this machine, which is nobody's address.
        if kind not in (PrincipalKind.HOST, PrincipalKind.BROWSER):
            limit = self._settings.address_requests_per_minute
            asks.append(("address", Ask(f"address:{network_of(address)}", limit)))
        await self._take(asks)

    async def _take(self, asks: list[tuple[str, Ask]]) -> None:
        asked = [(rule, ask) for rule, ask in asks if ask.limit]
        full = await self._limiter.take([ask for _, ask in asked]) if asked else None
        if full is None:
            return
        rule, ask = asked[full.index]
        if rule == "user":
            self.counters.add("refused_by_user_limit")
            raise _refusal("you send more requests", "user_requests", ask, full.wait_seconds)
        if rule == "login":
            self.counters.add("refused_by_login_limit")
            raise _refusal("more logins come from your address", "address_logins", ask, full.wait_seconds)
        self.counters.add("refused_by_address_limit")
        raise _refusal("more requests come from your address", "address_requests", ask, full.wait_seconds)


def _is_login(route: Route) -> bool:
    if route.has_secret_path:
        # What is in the path is tried as a password is.
        return True
    # A terminal that waits for its user asks every few seconds, by a handle that nobody guesses: one login, many polls.
    return route.action == "auth.login" and route.request is not DevicePoll


def _is_bounded_elsewhere(route: Route, principal: Principal) -> bool:
    # Batches and samples of a host that may send them. One that may not is refused, and counts.
    is_data = route.permission is Permission.METRICS_WRITE and principal.kind is PrincipalKind.HOST
    return is_data and principal.may(Permission.METRICS_WRITE)


def _refusal(cause: str, setting: str, ask: Ask, wait: float) -> RateLimitedError:
    return RateLimitedError(
        f"cannot answer now: {cause} than {ask.limit} a minute",
        hint=f"send again after the time in Retry-After, or raise limits.{setting}_per_minute",
        retry_after_seconds=wait,
    )
