"""The bytes that an agent's signature covers, so that both ends build them the same way."""

from __future__ import annotations

import hashlib

HEADER = "Nagare-Signature"
# Of a connection: when it was signed, Unix milliseconds.
SIGNED_AT = "Nagare-Signed-At"


def signed_bytes(path: str, content_encoding: str, body: bytes) -> bytes:
    """Return what is signed for ``body`` as sent: method, path, encoding and digest, a line each."""
    digest = hashlib.sha256(body).hexdigest()
    return f"POST\n{path}\n{content_encoding}\n{digest}".encode()


def signed_link(path: str, host: str, signed_at_ms: int) -> bytes:
    """Return what is signed for a connection (WebSocket) that a host opens: method, path, its name and the moment."""
    return f"GET\n{path}\n{host}\n{signed_at_ms}".encode()
