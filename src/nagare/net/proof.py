"""Whether a server proves itself by its certificate: tried with a handshake that sends nothing, before a pin is let go."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Collection
from urllib.parse import urlsplit

from nagare.lib.plain_text import plain
from nagare.net.causes import os_cause
from nagare.net.trust import is_pinned, parse_pin

_HTTPS_PORT = 443


async def why_unproven(url: str, authority: str, pins: Collection[str], *, deadline_seconds: float) -> str:
    """Return why the server at ``url`` is not proven by ``authority`` (PEM; the system's roots when empty), "" if it is.

    Its chain must verify and be for the name in ``url``, and its key must be one of ``pins``, if there are any: what is
    tried is the server that was spoken to, and no other.
    """
    parts = urlsplit(url)
    try:
        context = ssl.create_default_context(cadata=authority or None)
        async with asyncio.timeout(deadline_seconds):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _HTTPS_PORT, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate does not verify: {plain(error.verify_message, 200)}"
    except TimeoutError:
        return "it did not answer in time"
    except ssl.SSLError as error:
        return plain(error.reason or "no TLS", 200).lower()
    except (OSError, UnicodeError, ValueError) as error:
        return os_cause(error) if isinstance(error, OSError) else "its name is unlawful"
    try:
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                await writer.wait_closed()
    return "" if not pins or is_pinned(certificate, *map(parse_pin, pins)) else "its certificate does not match the pin"
