"""Checks Host and Origin before anything else, so that no web page can talk to a server behind its reader's back.

A page may rebind its own name to 127.0.0.1: the Host header then carries that name, which is not ours. An Origin
header is set by browsers only; one that is neither our own nor allowed is refused, for WebSockets too.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from nagare.config.settings import ServerSettings
from nagare.errors import PermissionDeniedError
from nagare.server.middleware.cors import ALLOWED_ORIGIN, preflight
from nagare.server.running.listen import Listen, own_names
from nagare.server.running.served import Served

# Whether a request says that it comes from a page of this server.
OWN_PAGE: web.RequestKey[bool] = web.RequestKey("own_page", bool)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def make_gate(settings: ServerSettings, listen: Listen, served: Served | None = None) -> Middleware:
    """Return the middleware for a server that listens there; names of the user's own certificate are its too."""
    names = _allowed_names(settings, listen)
    origins = frozenset(origin.rstrip("/").lower() for origin in settings.allowed_origins)
    public = _origin_of(settings.public_url)

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get(hdrs.HOST, "")
        if not _is_own(host, names, request) and not _is_certified(host, served):
            raise PermissionDeniedError(
                f"cannot answer for host {host[:80]!r}: it is not a name of this server",
                hint="add the name to server.allowed_hosts if it is one",
            )
        origin = request.headers.get(hdrs.ORIGIN)
        # Behind a proxy that ends TLS our own pages come from where people know us, which is not how we are asked.
        request[OWN_PAGE] = origin is not None and (origin.lower() == public or is_same_origin(origin, request))
        if origin is not None and not request[OWN_PAGE]:
            if origin.lower() not in origins:
                raise PermissionDeniedError(
                    f"cannot answer a page of origin {origin[:80]!r}: not allowed",
                    hint="add the origin to server.allowed_origins if you trust it",
                )
            request[ALLOWED_ORIGIN] = origin
        return preflight(request) or await handler(request)

    return gate


def _allowed_names(settings: ServerSettings, listen: Listen) -> frozenset[str]:
    public = urlsplit(settings.public_url).hostname or ""
    names = {listen.host.lower(), *(name.lower() for name in (*settings.allowed_hosts, public) if name), *_LOOPBACK}
    return frozenset(names if listen.is_loopback else names | own_names())


def _origin_of(url: str) -> str | None:
    """Return the origin by which browsers name pages at ``url``, None where it is empty."""
    parts = urlsplit(url.lower())
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_own(host: str, names: frozenset[str], request: web.Request) -> bool:
    name = _name_of(host)
    if name is None:
        return False
    # The address at which the connection arrived is ours; a page cannot have an address of ours for its own name.
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return name in names or (local is not None and name == local[0])


def _is_certified(host: str, served: Served | None) -> bool:
    # No wildcards: whoever may name a machine below it could rebind that name.
    return served is not None and served.current.is_own and _name_of(host) in served.current.names


def _name_of(host: str) -> str | None:
    # Parsed by hand: a URL parser would accept paths, users and spaces that a Host header must not have.
    if host.startswith("["):
        name, separator, port = host[1:].partition("]")
        port = port.removeprefix(":") if port else ""
        if not separator:
            return None
    else:
        name, _, port = host.partition(":")
    is_lawful = name and (not port or (port.isascii() and port.isdigit()))
    return name.lower().removesuffix(".") if is_lawful else None


def is_same_origin(origin: str, request: web.Request) -> bool:
    """Tell whether ``origin`` is a page of this server, by the name under which it was asked."""
    host = request.headers.get(hdrs.HOST, "")
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != request.scheme or not parts.hostname or parts.path not in ("", "/"):
        return False
    asked = urlsplit(f"{request.scheme}://{host}")
    default = _DEFAULT_PORTS.get(request.scheme)
    return parts.hostname == asked.hostname and (port or default) == (asked.port or default)
