"""JSON in and out, and bodies unpacked under a cap: a bomb of compressed zeros stops at the cap, not at the memory."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from nagare.errors import BodyTooLargeError, InputError, UnsupportedMediaError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

T = TypeVar("T")
ENCODINGS = ("identity", "gzip", "zstd")
_CHUNK_BYTES = 1 << 20
_encoder = msgspec.json.Encoder()


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(content: bytes | str, kind: type[T]) -> T:
    """Return ``content`` as ``kind``. Raises InputError that names the place of the fault."""
    try:
        value: T = _decoder(cast("Hashable", kind)).decode(content)
    except msgspec.ValidationError as error:
        raise _input_error(error) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read JSON: {error}", hint="send one complete JSON document in UTF-8") from error
    return value


def decode_any(content: bytes | str) -> Any:
    """Return ``content`` as plain JSON values. Raises InputError."""
    return decode(content, Any)


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON."""
    return _encoder.encode(value)


def _input_error(error: msgspec.ValidationError) -> InputError:
    text = str(error)
    reason, _, place = text.partition(" - at ")
    pointer = place.strip("`").removeprefix("$").replace(".", "/").replace("[", "/").replace("]", "")
    return InputError(f"cannot accept document: {text}", errors=[{"pointer": f"#{pointer}", "detail": reason}])


def pack(content: bytes, encoding: str) -> bytes:
    """Return ``content`` in ``encoding`` (identity, gzip or zstd)."""
    if encoding == "zstd":
        return zstd.compress(content, level=3)
    if encoding == "gzip":
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return packer.compress(content) + packer.flush()
    return content


def unpack(content: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return ``content`` decoded from ``encoding``, at most ``limit_bytes`` long.

    Raises BodyTooLargeError past the limit, InputError for damaged bytes, UnsupportedMediaError for other encodings.
    """
    encoding = encoding.strip().lower() or "identity"
    if encoding == "identity":
        unpacked = content
    elif encoding in ("gzip", "x-gzip"):
        unpacked = _gunzip(content, limit_bytes)
    elif encoding == "zstd":
        unpacked = _unzstd(content, limit_bytes)
    else:
        raise UnsupportedMediaError(
            f"cannot read content encoding {encoding[:40]!r}: not spoken here",
            hint=f"use one of {', '.join(ENCODINGS)}",
        )
    if len(unpacked) > limit_bytes:
        raise _too_large(limit_bytes)
    return unpacked


def _gunzip(content: bytes, limit_bytes: int) -> bytes:
    unpacked = bytearray()
    remaining = content
    try:
        while remaining:
            unpacker = zlib.decompressobj(31)
            unpacked += unpacker.decompress(remaining, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                raise _too_large(limit_bytes)
            if not unpacker.eof:
                raise InputError("cannot read gzip body: it ends too early")
            remaining = unpacker.unused_data
    except zlib.error as error:
        raise InputError(f"cannot read gzip body: {error}") from error
    return bytes(unpacked)


def _unzstd(content: bytes, limit_bytes: int) -> bytes:
    unpacked = bytearray()
    # 8 MiB: what the format asks every decoder to support (RFC 8878, 3.1.1.1.2); a larger window is a memory attack.
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
    remaining = content
    try:
        while remaining:
            unpacker = zstd.ZstdDecompressor(options=options)
            chunk = remaining
            while not unpacker.eof:
                piece = unpacker.decompress(chunk, max_length=_CHUNK_BYTES)
                chunk = b""
                unpacked += piece
                if len(unpacked) > limit_bytes:
                    raise _too_large(limit_bytes)
                if not piece and unpacker.needs_input:
                    raise InputError("cannot read zstd body: it ends too early")
            remaining = unpacker.unused_data
    except zstd.ZstdError as error:
        raise InputError(f"cannot read zstd body: {error}") from error
    return bytes(unpacked)


def _too_large(limit_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"cannot accept body: it unpacks to more than {limit_bytes} bytes", hint="send smaller batches"
    )
