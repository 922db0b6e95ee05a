"""Opens a TCP connection and closes it again: the latency is that of the handshake, without the name's resolution."""

from __future__ import annotations

import socket
import time

from nagare.collect.probe.attempt import Attempt, ProbeError, parse_endpoint, reason, resolve
from nagare.config.settings import ProbeTarget

# A name with very many addresses must not eat the time of all tries.
_ADDRESS_LIMIT = 4


def connect(host: str, port: int, deadline: float) -> tuple[socket.socket, float]:
    """Return an open connection to the first address that answers, and the time of its handshake.

    Raises ProbeError.
    """
    cause = "timed out"
    for family, address in resolve(host, port)[:_ADDRESS_LIMIT]:
        started = time.monotonic()
        if started >= deadline:
            break
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline - started)
            sock.connect(address)
        except OSError as error:
            sock.close()
            cause = reason(error)
        else:
            return sock, time.monotonic() - started
    raise ProbeError(f"cannot connect: {cause}")


def probe_tcp(target: ProbeTarget) -> Attempt:
    """Connect once."""
    host, port = parse_endpoint(target.target)
    sock, latency = connect(host, port, time.monotonic() + target.timeout_seconds)
    sock.close()
    return Attempt(latency)
