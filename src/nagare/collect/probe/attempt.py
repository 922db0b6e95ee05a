"""One try at a target and what came of it: the seam between the kinds of probe and the collector."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError

_FAMILIES = frozenset((socket.AF_INET, socket.AF_INET6))
Address = tuple[socket.AddressFamily, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one try; ``is_possible`` is False where this machine may not probe that way at all."""

    latency_seconds: float | None = None
    error: str = ""
    status_code: int | None = None
    certificate_expiry_seconds: float | None = None
    is_possible: bool = True


class ProbeError(Exception):
    """The try failed; the text says why. Never leaves this folder."""


Prober = Callable[[ProbeTarget], Attempt]


def parse_endpoint(target: str, default_port: int | None = None) -> tuple[str, int]:
    """Return (host, port) of ``host:port``, ``[v6]:port`` or, with a default port, a host alone.

    Raises ConfigError.
    """
    if target.startswith("["):
        host, _, rest = target[1:].partition("]")
        port = rest.removeprefix(":")
    elif target.count(":") == 1:
        host, _, port = target.partition(":")
    else:
        host, port = target, ""
    if not port and default_port is not None and host:
        return host, default_port
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port[:6]) < 65536:
        raise ConfigError(f"cannot probe {target!r}: it is not HOST:PORT", hint="write an IPv6 address as [::1]:80")
    return host, int(port)


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of ``host``, best first. Raises ProbeError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ProbeError(f"cannot resolve {host}: {reason(error)}") from error
    addresses: list[Address] = [
        (family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found if family in _FAMILIES
    ]
    if not addresses:
        raise ProbeError(f"cannot resolve {host}: it has no address")
    return addresses


def reason(error: BaseException) -> str:
    """Return the cause in words, without numbers of the operating system."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)[:200] or type(error).__name__
