"""Snappy blocks, under a cap that is checked before memory is taken for what they claim to hold."""

from __future__ import annotations

import cramjam

from nagare.errors import BodyTooLargeError, InputError
from nagare.interop.protobuf import read_varint

# The format's own expansion cannot pass this: 64 bytes out of a copy of three.
_RATIO_LIMIT = 64


def snappy_length(content: bytes, limit_bytes: int) -> int:
    """Return how long ``content`` says it is unpacked. Raises BodyTooLargeError past ``limit_bytes``, InputError for a lie."""
    try:
        length, _ = read_varint(content, 0, min(len(content), 5))
    except InputError as error:
        raise InputError("cannot read snappy body: it does not say how long it is") from error
    if length > limit_bytes:
        raise BodyTooLargeError(
            f"cannot accept body: it unpacks to {length} bytes and {limit_bytes} are the limit",
            hint="send smaller batches",
        )
    if length > len(content) * _RATIO_LIMIT:
        raise InputError("cannot read snappy body: it claims to hold more than its bytes can")
    return length


def unpack_snappy(content: bytes, limit_bytes: int) -> bytes:
    """Return the block ``content`` unpacked. Raises BodyTooLargeError past ``limit_bytes``, InputError for damaged bytes."""
    length = snappy_length(content, limit_bytes)
    try:
        return bytes(cramjam.snappy.decompress_raw(content, output_len=length))
    except cramjam.DecompressionError as error:
        raise InputError(f"cannot read snappy body: {error}") from error


def pack_snappy(content: bytes) -> bytes:
    """Return ``content`` as one snappy block."""
    return bytes(cramjam.snappy.compress_raw(content))
