"""The record of the metric log: what was accepted from one sender, as it rebuilds the head after a crash.

The first byte tells the two forms apart. A batch that was accepted whole stands there as it was sent, mostly
compressed, behind ten bytes of ours: nothing is encoded again, and the log is half as long. Anything else is
MessagePack, whose arrays begin with 0x90 to 0x9f. Only fields with defaults may be added, so that older logs replay.
"""

from __future__ import annotations

import struct

import msgspec

from nagare.errors import InputError, InvariantError, NagareError
from nagare.wire.batch import Cell
from nagare.wire.binary_batch import decode_batch
from nagare.wire.codec import ENCODINGS, unpack

# The columns of accepted rows, by table and column.
AcceptedTables = dict[str, dict[str, list[Cell]]]
# First byte of a batch as sent; then the place of its encoding in ENCODINGS, and received_ms.
_SENT = 0x03
_SENT_HEADER = struct.Struct("<BBq")
_UNPACKED_LIMIT_BYTES = 2**30


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


def encode_sent(received_ms: int, encoding: str, body: bytes) -> bytes:
    """Return the payload for a batch that was accepted whole and brings no events, as it was sent."""
    return _SENT_HEADER.pack(_SENT, ENCODINGS.index(encoding), received_ms) + body


def decode_record(payload: bytes) -> LogRecord:
    """Return the record in ``payload``. Raises InvariantError: its checksum held, so it must decode."""
    try:
        return _decode_sent(payload) if payload[:1] == bytes((_SENT,)) else _decoder.decode(payload)
    except (msgspec.DecodeError, NagareError, struct.error, IndexError) as error:
        raise InvariantError(f"BUG: a log record with a good checksum must decode: {error}") from error


def _decode_sent(payload: bytes) -> LogRecord:
    _, encoding, received_ms = _SENT_HEADER.unpack_from(payload)
    content = unpack(payload[_SENT_HEADER.size :], ENCODINGS[encoding], _UNPACKED_LIMIT_BYTES)
    batch = decode_batch(content)
    return LogRecord(received_ms, batch.host, batch.boot, batch.seq, batch.replaces, batch.tables)
