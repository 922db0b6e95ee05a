"""Echo packets."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.probe.icmp import checksum, encode_echo, is_reply

TOKEN = b"0123456789abcdef"


def test_checksum_of_a_known_packet() -> None:
    assert checksum(bytes.fromhex("0800000000010001")) == 0xF7FD
    packet = encode_echo(socket.AF_INET, 1, TOKEN)
    assert checksum(packet) == 0


@given(st.binary())
def test_a_packet_with_its_checksum_sums_to_nothing(payload: bytes) -> None:
    assert checksum(encode_echo(socket.AF_INET, 3, payload)) == 0


def reply(family: int, kind: int) -> bytes:
    return bytes((kind, 0, 0, 0, 0, 1, 0, 1)) + TOKEN


@pytest.mark.parametrize(
    ("family", "packet", "expected"),
    [
        (socket.AF_INET, reply(socket.AF_INET, 0), True),
        (socket.AF_INET, b"\x45" + b"\0" * 19 + reply(socket.AF_INET, 0), True),
        (socket.AF_INET, reply(socket.AF_INET, 8), False),
        (socket.AF_INET, reply(socket.AF_INET, 0)[:-1] + b"x", False),
        (socket.AF_INET6, reply(socket.AF_INET6, 129), True),
        (socket.AF_INET6, reply(socket.AF_INET6, 128), False),
        (socket.AF_INET, b"", False),
        (socket.AF_INET, b"\x4f", False),
    ],
)
def test_reply(family: int, packet: bytes, expected: bool) -> None:
    assert is_reply(family, packet, TOKEN) is expected


@given(st.binary())
def test_any_bytes(packet: bytes) -> None:
    is_reply(socket.AF_INET, packet, TOKEN)
    is_reply(socket.AF_INET6, packet, TOKEN)
