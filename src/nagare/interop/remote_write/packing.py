"""Snappy blocks, under a cap that is checked before memory is taken for what they claim to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cramjam

from nagare.errors import BodyTooLargeError, InputError
from nagare.interop.masked import padded_room

if TYPE_CHECKING:
    from nagare.interop.masked import Bytes

# The format's own expansion cannot pass this: 64 bytes out of a copy of three.
_RATIO_LIMIT = 64


def snappy_length(content: bytes, limit_bytes: int) -> int:
    """Return how long ``content`` says it is unpacked. Raises BodyTooLargeError past ``limit_bytes``, InputError for a lie."""
    try:
        length: int = cramjam.snappy.decompress_raw_len(content)
    except cramjam.DecompressionError as error:
        raise InputError("cannot read snappy body: it does not say how long it is") from error
    if length > limit_bytes:
        raise BodyTooLargeError(
            f"cannot accept body: it unpacks to {length} bytes and {limit_bytes} are the limit",
            hint="send smaller batches",
        )
    if length > len(content) * _RATIO_LIMIT:
        raise InputError("cannot read snappy body: it claims to hold more than its bytes can")
    return length


def unpack_padded(content: bytes, length: int) -> Bytes:
    """Return the block ``content``, which ``snappy_length`` found to be ``length`` bytes, unpacked and as ``pad`` returns it.

    Unpacked where it is read, it costs a third of what fresh memory and a copy for each request do. Raises InputError.
    """
    padded = padded_room(length)
    try:
        count = cramjam.snappy.decompress_raw_into(content, padded[:length].data)
    except cramjam.DecompressionError as error:
        raise InputError(f"cannot read snappy body: {error}") from error
    if count != length:
        raise InputError(f"cannot read snappy body: it holds {count} bytes and says {length}")
    return padded


def pack_snappy(content: bytes) -> bytes:
    """Return ``content`` as one snappy block."""
    return bytes(cramjam.snappy.compress_raw(content))
