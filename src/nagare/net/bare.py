"""A client session that does only what it is told, and bodies that are read up to a cap.

Proxies and cookies of the environment are ignored, nothing is unpacked, deadlines are the caller's (``asyncio.timeout``).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import aiohttp

from nagare import __version__
from nagare.errors import BodyTooLargeError
from nagare.net.tls import make_tls
from nagare.net.trust import Trust

_KEEP_ALIVE_SECONDS = 15.0

Hold = Callable[[int], None]


def hold_freely(_count: int) -> None:
    """Hold any number of bytes."""


def bare_session(
    trust: Trust, *, accept_encoding: str, connection_limit: int, keep_alive_seconds: float = _KEEP_ALIVE_SECONDS
) -> aiohttp.ClientSession:
    """Return a session that believes ``trust``; no ``connection_limit`` is 0.

    Raises ConfigError for an unusable certificate authority.
    """
    tls: ssl.SSLContext | bool = make_tls(trust) if trust.ca_file else True
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=connection_limit, keepalive_timeout=keep_alive_seconds),
        headers={"User-Agent": f"nagare/{__version__}", "Accept-Encoding": accept_encoding},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trust_env=False,
    )


async def read_capped(response: aiohttp.ClientResponse, limit_bytes: int, hold: Hold = hold_freely) -> bytes:
    """Return the body. Raises BodyTooLargeError past ``limit_bytes``; ``hold`` is told its bytes as they come."""
    if (response.content_length or 0) > limit_bytes:
        raise _too_large(response, limit_bytes)
    content = bytearray()
    async for chunk in response.content.iter_any():
        hold(len(chunk))
        content += chunk
        if len(content) > limit_bytes:
            raise _too_large(response, limit_bytes)
    return bytes(content)


def _too_large(response: aiohttp.ClientResponse, limit_bytes: int) -> BodyTooLargeError:
    # The connection is of no use any more: the rest of the body stands in it.
    response.close()
    return BodyTooLargeError(f"cannot read answer of {response.url.origin()}: it is larger than {limit_bytes} bytes")
