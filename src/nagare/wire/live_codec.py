"""Frames of the live connections as bytes: read once from a client, written once for all who see the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.wire.batch import Cell
from nagare.wire.binary_columns import are_binary
from nagare.wire.codec import decode, encode
from nagare.wire.live import ClientFrame, ServerFrame


def decode_client_frame(content: str | bytes) -> ClientFrame:
    """Return the frame that a client sent. Raises InputError."""
    frame: ClientFrame = decode(content, ClientFrame)  # type: ignore[arg-type]  # a union is a type to the decoder
    return frame


def decode_server_frame(content: str | bytes) -> ServerFrame:
    """Return the frame that a server sent. Raises InputError."""
    frame: ServerFrame = decode(content, ServerFrame)  # type: ignore[arg-type]  # a union is a type to the decoder
    return frame


def encode_columns(columns: Mapping[str, Sequence[Cell]]) -> bytes:
    """Return one table's columns as a JSON fragment for ``join_rows``."""
    return encode(columns.lists() if are_binary(columns) else columns)


def join_rows(host: str, tables: Mapping[str, bytes], missed: int = 0) -> bytes:
    """Return a Rows frame made of fragments; the same bytes as encoding ``Rows`` afresh."""
    parts = b",".join(encode(name) + b":" + fragment for name, fragment in tables.items())
    return b'{"op":"rows","host":%b,"tables":{%b},"missed":%d}' % (encode(host), parts, missed)
