"""Bodies made to exhaust memory, measured in a child whose address space is capped."""

import subprocess
import sys

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHILD = """
import resource, sys
from nagare.errors import BodyTooLargeError, InputError
from nagare.wire.codec import unpack

encoding, limit = sys.argv[1], int(sys.argv[2])
body = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(body, encoding, limit)
except (BodyTooLargeError, InputError) as error:
    print(type(error).__name__, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
LIMIT = 8 << 20


def _outcome(body: bytes, encoding: str) -> tuple[str, int]:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, encoding, str(LIMIT)], input=body, capture_output=True, check=True
    )
    name, grown = child.stdout.decode().split()
    return name, int(grown) * 1024


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_of_zeros_stops_at_the_limit_not_at_the_memory(encoding: str) -> None:
    from nagare.wire.codec import pack

    bomb = pack(bytes(1 << 30), encoding)
    assert len(bomb) < 2 << 20
    name, grown = _outcome(bomb, encoding)
    assert name == "BodyTooLargeError"
    assert grown < 6 * LIMIT


def test_a_window_larger_than_the_format_promises_is_refused() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(bytes(1 << 20)) + compressor.flush()
    name, grown = _outcome(body, "zstd")
    assert name == "InputError"
    assert grown < 4 * LIMIT
