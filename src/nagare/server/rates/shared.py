"""Counts in Redis, for several servers together: one script a request, atomic, by the time of Redis alone.

The only module that knows the redis package, which is an extra: it is imported where one is configured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nagare.config.settings import LimitsSettings
from nagare.errors import ConfigError, UnavailableError
from nagare.lib.sliding_window import SLOTS
from nagare.server.rates.limiter import WINDOW_SECONDS, Ask, Full

_CONNECTIONS = 8

# A hash a key: slot -> count. Slots ahead of now are of a clock that was set back; kept, they might count for ever.
_SCRIPT = """
local slot_ms, slots = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slot = math.floor(now / slot_ms)
local full, longest = -1, -1
for index, key in ipairs(KEYS) do
  local total, first = 0, slot
  local counts = redis.call('HGETALL', key)
  for place = 1, #counts, 2 do
    local at = tonumber(counts[place])
    if at < slot - slots or at > slot then
      redis.call('HDEL', key, counts[place])
    else
      total = total + tonumber(counts[place + 1])
      if at < first then first = at end
    end
  end
  if total >= tonumber(ARGV[2 + index]) then
    local wait = (first + slots + 1) * slot_ms - now
    if wait > longest then full, longest = index - 1, wait end
  end
end
if full >= 0 then return {full, longest} end
for _, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, string.format('%d', slot), 1)
  redis.call('PEXPIRE', key, (slots + 2) * slot_ms)
end
return {-1, 0}
"""


class RedisLimiter:
    """Windows in Redis; they end by themselves there."""

    def __init__(self, settings: LimitsSettings, *, window_seconds: float = WINDOW_SECONDS) -> None:
        """Connect at the first use. Raises ConfigError without the package or with a URL that it cannot use."""
        self._seconds = settings.redis_timeout_seconds
        self._prefix = settings.redis_prefix
        self._slot_ms = max(1, round(window_seconds * 1000 / SLOTS))
        self._client = _client(settings)
        self._script = self._client.register_script(_SCRIPT)

    async def take(self, asks: Sequence[Ask]) -> Full | None:
        """Count one for every ask, or none for any when one is full. Raises UnavailableError."""
        from redis.exceptions import RedisError  # noqa: PLC0415  an extra

        keys = [f"{self._prefix}:limits:{ask.key}" for ask in asks]
        try:
            async with asyncio.timeout(self._seconds):
                full, wait_ms = await self._script(keys=keys, args=[self._slot_ms, SLOTS, *(ask.limit for ask in asks)])
        except TimeoutError:
            raise UnavailableError(f"Redis did not answer within {self._seconds:g} seconds") from None
        except (RedisError, OSError, UnicodeError) as error:
            raise UnavailableError(f"Redis cannot be used: {type(error).__name__}: {str(error)[:200]}") from None
        return None if full < 0 else Full(int(full), wait_ms / 1000)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


def _client(settings: LimitsSettings) -> Any:
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415  an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "cannot count in Redis: the package redis is not installed", hint="pip install 'nagare[redis]'"
        ) from None
    more: dict[str, Any] = {}
    url = settings.redis_url
    if settings.redis_password_file is not None:
        user, place = urlsplit(url).username or "", urlsplit(url).netloc
        more["credential_provider"] = _credentials(unquote(user), settings.redis_password_file)
        # The package takes a user from one of the two only.
        url = url.replace(f"//{place}", f"//{place.rpartition('@')[2]}", 1)
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=settings.redis_timeout_seconds,
            socket_timeout=settings.redis_timeout_seconds,
            socket_connect_timeout=settings.redis_timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            **more,
        )
    except ValueError as error:
        raise ConfigError(f"cannot use limits.redis_url: {error}") from error
    return Redis.from_pool(pool)


def _credentials(user: str, file: Path) -> Any:
    from redis.credentials import CredentialProvider  # noqa: PLC0415  an extra

    class FromFile(CredentialProvider):
        """Reads the file at each connect, so that a changed password needs no restart."""

        def get_credentials(self) -> tuple[str] | tuple[str, str]:
            password = file.read_text(encoding="utf-8").rstrip("\r\n")
            return (user, password) if user else (password,)

        async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
            return await asyncio.to_thread(self.get_credentials)

    return FromFile()
