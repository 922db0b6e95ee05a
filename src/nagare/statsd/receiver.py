"""The UDP socket: who may send, and a bounded queue between the network and those who read lines."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any

from nagare.errors import ConfigError
from nagare.lib.counters import Counters

_LOOPBACK = ("127.0.0.0/8", "::1/128")
# Linux: nine numbers about a socket's memory; the last one counts datagrams that found the buffer full.
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
# Senders whose standing is remembered; a flood of forged addresses must not fill memory.
_REMEMBERED = 4096


class Networks:
    """Which addresses may send."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Take the networks, or loopback when there are none."""
        self._networks = [ipaddress.ip_network(text) for text in networks] or list(map(ipaddress.ip_network, _LOOPBACK))
        self._known: dict[str, bool] = {}

    def holds(self, address: str) -> bool:
        """Tell whether ``address`` may send."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[address] = self._look(address)
        return known

    def _look(self, address: str) -> bool:
        # A link-local address carries its interface.
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)


class Receiver(asyncio.DatagramProtocol):
    """Takes datagrams into ``queue``, at most ``limit``: when it is full the newest are dropped and counted."""

    def __init__(self, networks: Networks, limit: int, counters: Counters) -> None:
        """Prepare; ``open_socket`` and the loop do the rest."""
        self.queue: deque[bytes] = deque()
        self.arrived = asyncio.Event()
        self._networks = networks
        self._limit = limit
        self._counters = counters

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Take one datagram of a sender that may."""
        if not self._networks.holds(addr[0]):
            self._counters.add("refused_datagrams")
        elif len(self.queue) >= self._limit:
            self._counters.add("dropped_datagrams")
        else:
            self.queue.append(data)
            self.arrived.set()


def open_socket(listen: str, networks: Iterable[str], buffer_bytes: int) -> socket.socket:
    """Return a bound socket. Raises ConfigError."""
    host, _, port = listen.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not tuple(networks) and not _is_loopback(host):
        raise ConfigError(
            f"cannot listen for StatsD on {listen}: nobody beyond this machine may send",
            hint="name the networks that may in statsd.networks, or listen on 127.0.0.1",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)  # noqa: FBT003  the library's signature
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        opened.bind((host, int(port)))
    except OSError as error:
        opened.close()
        raise ConfigError(f"cannot listen for StatsD on {listen}: {error.strerror or error}") from error
    return opened


def dropped_by_kernel(opened: socket.socket) -> int:
    """Return how many datagrams found the socket's buffer full; 0 where the system does not tell."""
    try:
        told = opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return 0
    return int(_MEMINFO.unpack(told)[-1]) if len(told) == _MEMINFO.size else 0


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
