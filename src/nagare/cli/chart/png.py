"""The PNG format (ISO/IEC 15948), as much of it as a picture of eight-bit colours needs."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return ``pixels`` (height by width by three channels) as a PNG file."""
    height, width, _ = pixels.shape
    # Eight bits a channel, RGB, no interlace.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = pixels.reshape(height, width * 3)
    # Filter 2 (up): rows of a chart repeat, so their differences are mostly zero and pack well.
    above = np.vstack([np.zeros((1, width * 3), dtype=np.uint8), rows[:-1]])
    filtered = np.hstack([np.full((height, 1), 2, dtype=np.uint8), rows - above])
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"tEXt", b"Software\0nagare"),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
