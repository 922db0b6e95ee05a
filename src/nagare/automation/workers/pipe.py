"""Frames over a pipe: four bytes of length, then JSON. The same bytes on both ends, whoever reads them."""

from __future__ import annotations

import os
import struct
from typing import Any

from nagare.errors import InvariantError
from nagare.wire.codec import decode, encode
from nagare.wire.worker import FromWorker, ToWorker

_LENGTH = struct.Struct(">I")
HEAD_BYTES = _LENGTH.size
# A task's arguments and its result are small; its files go by the disk.
FRAME_LIMIT_BYTES = 16 * 2**20
_TO_WORKER: Any = ToWorker
_FROM_WORKER: Any = FromWorker


def pack(frame: ToWorker | FromWorker) -> bytes:
    """Return a frame with its length."""
    content = encode(frame)
    return _LENGTH.pack(len(content)) + content


def length_of(head: bytes) -> int:
    """Return how many bytes follow ``head``."""
    length: int = _LENGTH.unpack(head)[0]
    if length > FRAME_LIMIT_BYTES:
        raise InvariantError(
            f"BUG: a frame between server and worker has at most {FRAME_LIMIT_BYTES} bytes, not {length}"
        )
    return length


def to_worker(content: bytes) -> ToWorker:
    """Return what the server said."""
    frame: ToWorker = decode(content, _TO_WORKER)
    return frame


def from_worker(content: bytes) -> FromWorker:
    """Return what the worker said."""
    frame: FromWorker = decode(content, _FROM_WORKER)
    return frame


def read_frame(descriptor: int) -> bytes | None:
    """Return the next frame's content, None at the end. Blocking."""
    head = _read(descriptor, HEAD_BYTES)
    return None if head is None else _read(descriptor, length_of(head))


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it. Blocking."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(descriptor: int, length: int) -> bytes | None:
    pieces, left = [], length
    while left:
        piece = os.read(descriptor, min(left, 2**20))
        if not piece:
            return None
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
