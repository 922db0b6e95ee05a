"""The one place where the exceptions of the HTTP library become ours."""

from __future__ import annotations

from types import TracebackType

import aiohttp
from yarl import URL

from nagare.errors import ConnectFailedError
from nagare.lib.plain_text import plain
from nagare.net.causes import os_cause

_CA_HINT = "name the authority that signed it: client.ca_file, or --ca of nagare login"


class Translated:
    """Turns what the library and the sockets raise inside the block into ours."""

    def __init__(self, url: URL) -> None:
        """Remember whom the block speaks to."""
        self._origin = url.origin()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise ConnectFailedError for what the library raised; a passed deadline is the caller's."""
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
            return  # the caller's deadline
        # A name that no resolver can be asked for is refused while it is encoded.
        if isinstance(error, (aiohttp.ClientError, OSError, UnicodeError)):
            hint = _CA_HINT if isinstance(error, aiohttp.ClientConnectorCertificateError) else ""
            raise ConnectFailedError(f"cannot reach {self._origin}: {cause_of(error)}", hint=hint) from error


def cause_of(error: BaseException) -> str:
    """Return why it failed, in the few words that a person needs; nothing of an address but its host and port."""
    match error:
        case aiohttp.ServerFingerprintMismatch():
            return "its certificate does not match the pin"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {_verify_message(error.certificate_error)}"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            return os_cause(error.os_error)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError():
            return "the connection was closed"
        case OSError() if error.errno:
            return os_cause(error)
    return plain(_words(error), 200) or type(error).__name__


def _words(error: BaseException) -> str:
    # The library's own words for these two hold the whole address, which may be a secret.
    if isinstance(error, aiohttp.ClientResponseError):
        return "its answer is no HTTP"
    if isinstance(error, (UnicodeError, aiohttp.InvalidURL)):
        return "its name is unlawful"
    return str(error)


def _verify_message(error: Exception) -> str:
    return str(getattr(error, "verify_message", "")) or plain(str(error), 200)
