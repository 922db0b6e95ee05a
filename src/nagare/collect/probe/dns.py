"""Asks a name server for an address over UDP: one small packet out, one checked packet back."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

from nagare.collect.probe.attempt import Attempt, ProbeError, parse_endpoint, reason, resolve
from nagare.collect.reading.files import find_text
from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError

_HEADER = struct.Struct("!HHHHHH")
_RECURSION_DESIRED = 0x0100
_IS_ANSWER = 0x8000
_TYPE_A, _CLASS_IN = 1, 1
_PORT = 53
_CODES = {1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented", 5: "refused"}


def encode_question(name: str) -> bytes:
    """Return the question for the IPv4 address of ``name``. Raises ConfigError for a name that DNS cannot carry."""
    try:
        labels = [
            label.encode("idna") if label.isascii() is False else label.encode()
            for label in name.rstrip(".").split(".")
        ]
    except UnicodeError as error:
        raise ConfigError(f"cannot probe {name[:200]!r}: {error}") from error
    if not all(0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ConfigError(f"cannot probe {name[:200]!r}: it is not a name that DNS can carry")
    packed = b"".join(bytes((len(label),)) + label for label in labels)
    return packed + b"\0" + struct.pack("!HH", _TYPE_A, _CLASS_IN)


def parse_answer(packet: bytes, identity: int, question: bytes) -> str | None:
    """Return "" for a good answer, the words of its error code for a bad one, None when it answers something else."""
    if len(packet) < _HEADER.size + len(question):
        return None
    got, flags, questions, _, _, _ = _HEADER.unpack_from(packet)
    echoed = packet[_HEADER.size : _HEADER.size + len(question)]
    if got != identity or not flags & _IS_ANSWER or questions != 1 or echoed.lower() != question.lower():
        return None
    code = flags & 0x000F
    return _CODES.get(code, f"error code {code}") if code else ""


def find_resolver(etc: Path) -> str:
    """Return the first name server of ``resolv.conf``. Raises ProbeError when there is none."""
    for line in (find_text(etc / "resolv.conf", 65536) or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            return words[1]
    raise ProbeError("no name server in resolv.conf")


class DnsProber:
    """Asks the configured resolver, else the system's."""

    def __init__(self, etc: Path) -> None:
        """Read the system's resolver from ``etc`` at every try: it may change."""
        self._etc = etc

    def __call__(self, target: ProbeTarget) -> Attempt:
        """Send one question and wait for its answer."""
        host, port = parse_endpoint(target.resolver or find_resolver(self._etc), _PORT)
        family, address = resolve(host, port)[0]
        question, identity = encode_question(target.target), int.from_bytes(os.urandom(2), "big")
        deadline = time.monotonic() + target.timeout_seconds
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                # A connected socket takes packets of this server only.
                sock.connect(address)
                started = time.monotonic()
                sock.send(_HEADER.pack(identity, _RECURSION_DESIRED, 1, 0, 0, 0) + question)
                error = _await_answer(sock, identity, question, deadline)
            except OSError as fault:
                raise ProbeError(f"no answer: {reason(fault)}") from fault
        return Attempt(time.monotonic() - started, error)


def _await_answer(sock: socket.socket, identity: int, question: bytes, deadline: float) -> str:
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        error = parse_answer(sock.recv(4096), identity, question)
        if error is not None:
            return error
    raise TimeoutError
