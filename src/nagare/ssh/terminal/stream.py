"""What no core is to see of a stream: bytes that fill in, and the wish for another width, which the pane alone decides.

DECCOLM (``CSI ? 3 h`` and ``l``) clears the screen, its margins too, on a terminal whose width stays (DEC STD 070, as xterm without
``allowColumnChange``); DEL fills in and is no letter (ECMA-48). What is cut by the end of a chunk waits for the next one.
"""

from __future__ import annotations

import re

_DEL = b"\x7f"
_MODES = re.compile(rb"\x1b\[\?([\d;]{1,64})([hl])")
_UNFINISHED = re.compile(rb"\x1b(?:\[(?:\?[\d;]{0,64})?)?\Z")
_UNFINISHED_BYTES = 68
_COLUMNS, _MAY_CHANGE_COLUMNS = b"3", b"40"
_CLEARED = b"\x1b[r\x1b[2J\x1b[H"


class StreamFilter:
    """Follows one stream."""

    def __init__(self) -> None:
        """Begin before its first byte."""
        self._waiting = b""

    def pass_on(self, chunk: bytes) -> bytes:
        """Return what of the stream goes to the core now."""
        if _DEL in chunk:
            chunk = chunk.replace(_DEL, b"")
        if b"\x1b" not in chunk and not self._waiting:
            return chunk
        chunk, self._waiting = self._waiting + chunk, b""
        cut = _UNFINISHED.search(chunk, max(len(chunk) - _UNFINISHED_BYTES, 0))
        if cut is not None:
            self._waiting, chunk = chunk[cut.start() :], chunk[: cut.start()]
        return _MODES.sub(_kept, chunk) if b"\x1b[?" in chunk else chunk


def _kept(found: re.Match[bytes]) -> bytes:
    modes, way = found.groups()
    words = modes.split(b";")
    left = [word for word in words if word.lstrip(b"0") not in (_COLUMNS, _MAY_CHANGE_COLUMNS)]
    if len(left) == len(words):
        return found.group()
    cleared = _CLEARED if any(word.lstrip(b"0") == _COLUMNS for word in words) else b""
    return (b"\x1b[?" + b";".join(left) + way if left else b"") + cleared
