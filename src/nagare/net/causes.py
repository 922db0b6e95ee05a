"""Why a connection failed, in the few words that a person needs."""

from __future__ import annotations

import os
import ssl

from nagare.lib.plain_text import plain

_LIMIT = 200


def os_cause(error: OSError) -> str:
    """Return the system's own word for ``error``; the loop's messages repeat the address and the call."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was closed"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the connection was closed"
    if isinstance(error, ssl.SSLError):
        # Its number is not one of the system's.
        return (
            f"no TLS connection could be made ({plain(error.reason or str(error), _LIMIT).replace('_', ' ').lower()})"
        )
    if type(error).__name__ == "gaierror":
        return f"its name does not resolve ({plain(error.strerror or str(error), _LIMIT).lower()})"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return plain(error.strerror or str(error), _LIMIT)
