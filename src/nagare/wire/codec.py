"""JSON in and out, and bodies unpacked under a cap: a bomb of compressed zeros stops at the cap, not at the memory."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from nagare.errors import BodyTooLargeError, InputError, UnsupportedMediaError
from nagare.lib.plain_text import plain

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

T = TypeVar("T")
ENCODINGS = ("identity", "gzip", "zstd")
_CHUNK_BYTES = 1 << 20
# Streams glued together in one body are lawful in both formats, but each costs a decoder and a copy of what follows:
# a body of a million empty ones would burn minutes. No sender we know glues more than a few.
_STREAM_LIMIT = 100
# 8 MiB: what the format asks every decoder to support (RFC 8878, 3.1.1.1.2); a larger window is a memory attack.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
# One step of the path that msgspec writes: ``.name``, ``[3]``, or ``[...]`` for a key.
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
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
    """Return ``value`` as JSON. What is no Unicode in a text (an odd file name) becomes a replacement character."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_as_unicode(msgspec.to_builtins(value)))


def _as_unicode(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_as_unicode(key): _as_unicode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_unicode(item) for item in value]
    return value


def _input_error(error: msgspec.ValidationError) -> InputError:
    text = plain(str(error), 300)
    reason, _, place = text.partition(" - at ")
    steps = (name or index.replace("...", "*") for name, index in _STEP.findall(place))
    pointer = "".join(f"/{step}" for step in steps)
    return InputError(f"cannot accept document: {text}", errors=[{"pointer": f"#{pointer}", "detail": reason}])


def pack(content: bytes, encoding: str) -> bytes:
    """Return ``content`` in ``encoding`` (identity, gzip or zstd). Raises UnsupportedMediaError for another."""
    if encoding == "zstd":
        return zstd.compress(content, level=3)
    if encoding == "gzip":
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return packer.compress(content) + packer.flush()
    if encoding == "identity":
        return content
    raise _not_spoken(encoding)


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
        raise _not_spoken(encoding)
    if len(unpacked) > limit_bytes:
        raise _too_large(limit_bytes)
    return unpacked


def _not_spoken(encoding: str) -> UnsupportedMediaError:
    return UnsupportedMediaError(
        f"cannot use content encoding {encoding[:40]!r}: not spoken here", hint=f"use one of {', '.join(ENCODINGS)}"
    )


def _gunzip(content: bytes, limit_bytes: int) -> bytes:
    unpacked = bytearray()
    remaining = content
    try:
        for _ in range(_STREAM_LIMIT):
            unpacker = zlib.decompressobj(31)
            unpacked += unpacker.decompress(remaining, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                raise _too_large(limit_bytes)
            if not unpacker.eof:
                raise InputError("cannot read gzip body: it ends too early")
            remaining = unpacker.unused_data
            if not remaining:
                return bytes(unpacked)
    except zlib.error as error:
        raise InputError(f"cannot read gzip body: {error}") from error
    raise InputError(f"cannot read gzip body: more than {_STREAM_LIMIT} streams in one body")


def _unzstd(content: bytes, limit_bytes: int) -> bytes:
    try:
        unpacker, piece = _begin_frame(content)
        # Nearly every body is one small frame: its bytes need no second copy.
        if unpacker.eof and not unpacker.unused_data:
            return piece
        return _unzstd_on(unpacker, piece, limit_bytes)
    except zstd.ZstdError as error:
        raise InputError(f"cannot read zstd body: {error}") from error


def _begin_frame(content: bytes) -> tuple[zstd.ZstdDecompressor, bytes]:
    unpacker = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
    return unpacker, unpacker.decompress(content, max_length=_CHUNK_BYTES)


def _unzstd_on(unpacker: zstd.ZstdDecompressor, piece: bytes, limit_bytes: int) -> bytes:
    unpacked = bytearray(piece)
    for number in range(_STREAM_LIMIT):
        if number:
            unpacker, piece = _begin_frame(unpacker.unused_data)
            unpacked += piece
        _end_frame(unpacker, piece, unpacked, limit_bytes)
        if not unpacker.unused_data:
            return bytes(unpacked)
    raise InputError(f"cannot read zstd body: more than {_STREAM_LIMIT} streams in one body")


def _end_frame(unpacker: zstd.ZstdDecompressor, piece: bytes, unpacked: bytearray, limit_bytes: int) -> None:
    while True:
        if len(unpacked) > limit_bytes:
            raise _too_large(limit_bytes)
        if unpacker.eof:
            return
        if not piece and unpacker.needs_input:
            raise InputError("cannot read zstd body: it ends too early")
        piece = unpacker.decompress(b"", max_length=_CHUNK_BYTES)
        unpacked += piece


def _too_large(limit_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"cannot accept body: it unpacks to more than {limit_bytes} bytes", hint="send smaller batches"
    )
