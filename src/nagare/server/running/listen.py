"""The address to listen on: parsing it, and what follows from it (loopback or not, the URL, names of the certificate)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from functools import cache

from nagare.errors import ConfigError

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  names the wildcard addresses, binds nothing


@dataclass(frozen=True, slots=True)
class Listen:
    """Host and port to bind; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_any(self) -> bool:
        """Whether it takes connections on every address."""
        return self.host in _ANY

    def url(self, port: int, *, tls: bool) -> str:
        """Return the URL at which this machine reaches the server bound to ``port``."""
        host = _ANY.get(self.host, self.host)
        return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def parse_listen(text: str) -> Listen:
    """Return ``HOST:PORT`` or ``[IPv6]:PORT`` as Listen. Raises ConfigError."""
    written, separator, port = text.strip().rpartition(":")
    is_bracketed = written.startswith("[") and written.endswith("]")
    host = written[1:-1] if is_bracketed else written
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ConfigError(
            f"cannot listen on {text!r}: not HOST:PORT", hint="write server.listen as 127.0.0.1:8750 or [::1]:8750"
        )
    if ":" in host and not (is_bracketed and _is_address(host)):
        raise ConfigError(
            f"cannot listen on {text!r}: {host!r} is no address", hint="an IPv6 address stands in brackets: [::1]:8750"
        )
    return Listen(host, int(port))


@cache
def own_names() -> frozenset[str]:
    """Return the names and addresses by which this machine knows itself, lower case; asked of the resolver once."""
    name = socket.gethostname().lower()
    names = {name, name.partition(".")[0]}
    with contextlib.suppress(OSError):
        names.update(str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(name, None))
    names.update(address for family in (socket.AF_INET, socket.AF_INET6) if (address := _outward(family)))
    return frozenset(name for name in names if name and name.isascii())


def _outward(family: socket.AddressFamily) -> str:
    # Connecting a datagram socket sends nothing: it only asks the routing table (documentation addresses, RFC 5737/3849).
    target = "192.0.2.1" if family is socket.AF_INET else "2001:db8::1"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
