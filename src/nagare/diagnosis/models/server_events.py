"""Server-sent events out of pieces of bytes (WHATWG HTML, 9.2): the form in which answers of models stream."""

from __future__ import annotations


class ServerEvents:
    """Takes pieces as they come and gives the data of each whole event; the caller bounds what it takes in all."""

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._waiting = bytearray()
        self._searched = 0
        self._lines: list[str] = []

    def take(self, piece: bytes) -> list[str]:
        """Return the data of the events that ``piece`` completes."""
        self._waiting += piece
        events: list[str] = []
        while (end := self._waiting.find(b"\n", self._searched)) >= 0:
            line = bytes(self._waiting[:end]).rstrip(b"\r")
            del self._waiting[: end + 1]
            self._searched = 0
            self._line(line.decode(errors="replace"), events)
        self._searched = len(self._waiting)
        return events

    def finish(self) -> list[str]:
        """Return the event that the end of the stream completes, where its empty line is missing."""
        events: list[str] = []
        self._line(bytes(self._waiting).rstrip(b"\r").decode(errors="replace"), events)
        self._waiting.clear()
        self._line("", events)
        return events

    def _line(self, line: str, events: list[str]) -> None:
        if not line:
            if self._lines:
                events.append("\n".join(self._lines))
                self._lines = []
        elif line.startswith("data:"):
            self._lines.append(line.removeprefix("data:").removeprefix(" "))
        # Comments keep the connection alive; other fields mean nothing here.
