"""The record of the metric log: what was accepted from one sender, as it rebuilds the head after a crash.

MessagePack, because these bytes are written once for every batch and read once after a crash: it encodes an order of
magnitude faster than JSON and takes half the room. Only fields with defaults may be added, so that older logs replay.
"""

from __future__ import annotations

import msgspec

from nagare.errors import InputError, InvariantError
from nagare.wire.batch import Cell

# The columns of accepted rows, by table and column.
AcceptedTables = dict[str, dict[str, list[Cell]]]


class LogRecord(msgspec.Struct, frozen=True, array_like=True):
    """Accepted rows of one sender and the names that make a repeat of them a duplicate.

    ``received_ms`` is the server's clock. ``boot`` is empty for events that came by themselves; those are known by
    ``event_ids``. Each row's host is ``host`` unless its table carries a ``host`` column of its own (events do).
    """

    received_ms: int
    host: str
    boot: str
    seq: int
    replaces: list[int]
    tables: AcceptedTables
    event_ids: list[str] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LogRecord)


def encode_record(record: LogRecord) -> bytes:
    """Return the payload for ``record``. Raises InputError for text that UTF-8 cannot hold."""
    try:
        return _encoder.encode(record)
    except (UnicodeEncodeError, OverflowError) as error:
        raise InputError(f"cannot accept batch from {record.host!r}: {error}") from error


def decode_record(payload: bytes) -> LogRecord:
    """Return the record in ``payload``. Raises InvariantError: its checksum held, so it must decode."""
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise InvariantError(f"BUG: a log record with a good checksum must decode: {error}") from error
