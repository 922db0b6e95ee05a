"""Echo requests without a helper program: through the kernel's unprivileged ICMP socket, else a raw one."""

from __future__ import annotations

import os
import socket
import struct
import time

from nagare.collect.probe.attempt import Address, Attempt, ProbeError, reason, resolve
from nagare.config.settings import ProbeTarget

_ECHO_V4, _REPLY_V4 = 8, 0
_ECHO_V6, _REPLY_V6 = 128, 129
_HEADER = struct.Struct("!BBHHH")
_TOKEN_BYTES = 16
_NOT_PERMITTED = (
    "icmp not permitted: allow the agent's group in net.ipv4.ping_group_range, or give it the capability CAP_NET_RAW"
)


def checksum(text: bytes) -> int:
    """Return the Internet checksum."""
    padded = text + b"\0" * (len(text) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def encode_echo(family: int, sequence: int, token: bytes) -> bytes:
    """Return an echo request that carries ``token``; the kernel sets the checksum of version 6 itself."""
    kind = _ECHO_V6 if family == socket.AF_INET6 else _ECHO_V4
    head = _HEADER.pack(kind, 0, 0, 0x6E67, sequence)
    return _HEADER.pack(kind, 0, checksum(head + token), 0x6E67, sequence) + token


def is_reply(family: int, packet: bytes, token: bytes) -> bool:
    """Tell whether ``packet`` answers the request with ``token``; raw sockets of version 4 give the IP header too."""
    if family == socket.AF_INET and packet[:1] and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < _HEADER.size:
        return False
    kind = _REPLY_V6 if family == socket.AF_INET6 else _REPLY_V4
    return packet[0] == kind and packet[_HEADER.size : _HEADER.size + len(token)] == token


def probe_icmp(target: ProbeTarget) -> Attempt:
    """Send one echo request and wait for its reply."""
    deadline = time.monotonic() + target.timeout_seconds
    family, address = resolve(target.target.strip("[]"), 0)[0]
    sock = _open_socket(family)
    if sock is None:
        return Attempt(error=_NOT_PERMITTED, is_possible=False)
    with sock:
        try:
            return Attempt(_exchange(sock, (family, address), deadline))
        except OSError as error:
            raise ProbeError(f"no answer: {reason(error)}") from error


def _open_socket(family: socket.AddressFamily) -> socket.socket | None:
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind, protocol)
        except OSError:
            continue
    return None


def _exchange(sock: socket.socket, to: Address, deadline: float) -> float:
    family, address = to
    token = os.urandom(_TOKEN_BYTES)
    started = time.monotonic()
    sock.sendto(encode_echo(family, 1, token), address)
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        packet, _ = sock.recvfrom(2048)
        if is_reply(family, packet, token):
            return time.monotonic() - started
    raise TimeoutError
