"""The log's record of foreign rows: columns as in an agent's batch, and which of them are tags.

An array of three where an agent's record has seven, so that the first byte tells them apart.
"""

from __future__ import annotations

import msgspec

from nagare.errors import InputError, InvariantError
from nagare.wire.metric_log import AcceptedTables

_FIRST_BYTE = 0x93


class WideRecord(msgspec.Struct, frozen=True, array_like=True):
    """Accepted rows by table and column; ``ts`` are Unix nanoseconds, ``tags`` names the columns that name series."""

    received_ms: int
    tables: AcceptedTables
    tags: dict[str, list[str]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(WideRecord)


def is_wide_record(payload: bytes) -> bool:
    """Tell whether ``payload`` is a record of foreign rows."""
    return payload[:1] == bytes([_FIRST_BYTE])


def encode_wide(record: WideRecord) -> bytes:
    """Return the payload for ``record``. Raises InputError for text that UTF-8 cannot hold."""
    try:
        return _encoder.encode(record)
    except (UnicodeEncodeError, OverflowError) as error:
        raise InputError(f"cannot accept lines: {error}") from error


def decode_wide(payload: bytes) -> WideRecord:
    """Return the record in ``payload``. Raises InvariantError: its checksum held, so it must decode."""
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise InvariantError(f"BUG: a log record with a good checksum must decode: {error}") from error
