"""The bytes that an agent's signature covers, so that both ends build them the same way."""

from __future__ import annotations

import hashlib

HEADER = "Nagare-Signature"


def signed_bytes(path: str, content_encoding: str, body: bytes) -> bytes:
    """Return what is signed for ``body`` as sent: method, path, encoding and digest, a line each."""
    digest = hashlib.sha256(body).hexdigest()
    return f"POST\n{path}\n{content_encoding}\n{digest}".encode()
