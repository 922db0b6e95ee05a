"""Finds what a program wants in the clipboard (OSC 52) in a stream of bytes; a question for its content is never answered."""

from __future__ import annotations

import base64
import binascii
import re

# More is dropped: nobody copies it by hand, and it would have to be kept until its end comes.
LIMIT_BYTES = 256 * 1024
_BEGIN = b"\x1b]52;"
_END = re.compile(rb"\x07|\x1b\\|\x9c")


class ClipboardScanner:
    """Keeps the newest whole request; bounded, whatever comes."""

    def __init__(self) -> None:
        """Wait for the begin of a request."""
        self._pending = b""
        self._newest: str | None = None

    def feed(self, chunk: bytes) -> None:
        """Look at what comes next in the stream."""
        if not self._pending and b"\x1b" not in chunk:
            return
        rest = self._pending + chunk
        while (begin := rest.find(_BEGIN)) >= 0:
            body = rest[begin + len(_BEGIN) :]
            end = _END.search(body)
            if end is None:
                self._pending = rest[begin:] if len(body) <= LIMIT_BYTES else b""
                return
            self._take(body[: end.start()])
            rest = body[end.end() :]
        # A begin may be cut by the end of a chunk.
        cut = next((size for size in range(len(_BEGIN) - 1, 0, -1) if rest.endswith(_BEGIN[:size])), 0)
        self._pending = rest[len(rest) - cut :] if cut else b""

    def take(self) -> str | None:
        """Return the newest request and forget it."""
        newest, self._newest = self._newest, None
        return newest

    def _take(self, body: bytes) -> None:
        encoded = body.partition(b";")[2]
        if len(encoded) > LIMIT_BYTES or encoded == b"?":
            return
        try:
            self._newest = base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            return
