"""The core on asciinema's avt: for systems that libghostty has no wheel for.

It lacks, and a test says so: hyperlinks (their text is right, their address is not kept), marks that no single letter
holds (dropped, so that columns stay right), and invisible text (shown). Its scrollback stands still while it is looked at.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import avt

from nagare.ssh.terminal.clipboard import ClipboardScanner
from nagare.ssh.terminal.core import (
    PLAIN,
    SCROLLBACK_LINES,
    CellStyle,
    Colour,
    Cursor,
    Found,
    Modes,
    MouseEvent,
    Run,
    within_bounds,
)
from nagare.ssh.terminal.finding import find_in
from nagare.ssh.terminal.keys import encode_key, encode_mouse, encode_paste
from nagare.ssh.terminal.scanner import Scanner
from nagare.ssh.terminal.stream import StreamFilter

_REPLY_LIMIT_BYTES = 64 * 1024
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


class AvtCore:
    """A terminal of avt; not for two threads."""

    def __init__(self, columns: int, rows: int, scrollback_lines: int = SCROLLBACK_LINES) -> None:
        """Make a terminal of that size, brought into bounds."""
        self._size = within_bounds(columns, rows)
        self._terminal = avt.Vt(*self._size, scrollback_lines)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._scanner = Scanner()
        self._clipboard = ClipboardScanner()
        self._stream = StreamFilter()
        self._replies = bytearray()
        self._dirty: set[int] = set(range(self._size[1]))
        # All rows as they were when somebody began to look back, and how many stand above the view; none at the end.
        self._kept: Sequence[Any] = ()
        self._above = 0

    def feed(self, chunk: bytes) -> None:
        """Take in what the program wrote; never raises for its content."""
        self._clipboard.feed(chunk)
        for text, question in self._scanner.pieces(self._decoder.decode(self._stream.pass_on(chunk))):
            if text:
                self._dirty.update(self._terminal.feed_str(_composed(text))[0])
            if question:
                self._answer(question)

    def _answer(self, question: str) -> None:
        cursor = self._terminal.cursor
        place = f"\x1b[{cursor.row + 1};{cursor.col + 1}R"
        answer = {"who": "\x1b[?62;22c", "status": "\x1b[0n", "place": place}[question].encode()
        if len(self._replies) + len(answer) <= _REPLY_LIMIT_BYTES:
            self._replies += answer

    def resize(self, columns: int, rows: int) -> None:
        """Take another size; lines are wrapped anew."""
        self._size = within_bounds(columns, rows)
        self._terminal.resize(*self._size)
        self._to_end()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is in the view."""
        cursor = self._terminal.cursor
        columns, rows = self._size
        return Cursor(min(cursor.col, columns - 1), min(cursor.row, rows - 1), bool(cursor.visible and not self._kept))

    @property
    def modes(self) -> Modes:
        """What the program asked for."""
        return self._scanner.modes

    @property
    def title(self) -> str:
        """The title that the program gave."""
        return self._scanner.title

    def dirty_rows(self) -> Sequence[int]:
        """Return the rows that look otherwise than at the last call."""
        if self._kept and len(self._dirty) < self._size[1]:
            self._dirty.clear()  # the view stands still
        dirty, self._dirty = sorted(row for row in self._dirty if row < self._size[1]), set()
        return dirty

    def rows(self, numbers: Sequence[int]) -> Mapping[int, Sequence[Run]]:
        """Return several rows of the view."""
        lines = self._kept[self._above :] if self._kept else self._terminal.view()
        blank = (Run(" " * self._size[0]),)
        return {number: _runs(lines[number]) if number < len(lines) else blank for number in numbers}

    def link_at(self, column: int, row: int) -> str:  # noqa: ARG002  the signature of the protocol
        """Return nothing: avt keeps no hyperlinks."""
        return ""

    def encode_key(self, key: str, character: str | None) -> bytes:
        """Return what the program gets for a key."""
        return encode_key(key, character, self.modes)

    def encode_mouse(self, event: MouseEvent) -> bytes:
        """Return what the program gets for an event of the mouse."""
        return encode_mouse(event, self.modes)

    def encode_paste(self, text: str) -> bytes:
        """Return what the program gets for pasted text."""
        return encode_paste(text, self.modes)

    def scroll(self, rows: int) -> None:
        """Move the view by ``rows``."""
        self.scroll_to(self.scrolled[0] + rows)

    def scroll_to(self, row: int) -> None:
        """Show that row, counted from the oldest kept."""
        lines = self._kept or self._terminal.lines()
        last = max(len(lines) - self._size[1], 0)
        if row >= last:
            self._to_end()
            return
        self._kept, self._above = lines, max(row, 0)
        self._dirty = set(range(self._size[1]))

    def _to_end(self) -> None:
        self._kept, self._above = (), 0
        self._dirty = set(range(self._size[1]))

    @property
    def scrolled(self) -> tuple[int, int]:
        """Rows above the view and rows in all."""
        if self._kept:
            return self._above, len(self._kept)
        total = len(self._terminal.lines())
        return max(total - self._size[1], 0), total

    def lines(self) -> Sequence[str]:
        """Return all rows as text."""
        return [line.text.rstrip() for line in self._kept or self._terminal.lines()]

    def search(self, needle: str) -> Sequence[Found]:
        """Return where ``needle`` stands."""
        return find_in(self.lines(), needle)

    def take_replies(self) -> bytes:
        """Return what the terminal answers to questions of the program."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def take_clipboard(self) -> str | None:
        """Return what the program wants in the clipboard."""
        return self._clipboard.take()

    def close(self) -> None:
        """Let go of what was kept."""
        self._kept = ()


def _composed(text: str) -> str:
    # avt gives a mark a cell of its own, which would move the rest of the line.
    if text.isascii():
        return text
    return "".join(
        letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) not in _NO_WIDTH
    )


def _runs(line: Any) -> Sequence[Run]:
    runs = []
    for cells in line.chunks(lambda one, next_one: one.pen != next_one.pen):
        text = "".join(cell.char for cell in cells if cell.width)
        runs.append(Run(text, _style(cells[0].pen)))
    return runs


def _style(pen: Any) -> CellStyle:
    if pen.is_default():
        return PLAIN
    return CellStyle(
        _colour(pen.foreground),
        _colour(pen.background),
        pen.bold,
        pen.faint,
        pen.italic,
        int(pen.underline),
        pen.blink,
        pen.inverse,
        pen.strikethrough,
    )


def _colour(colour: Any) -> Colour:
    if colour is None:
        return None
    return colour[0] if isinstance(colour, avt.Color.Indexed) else (colour[0], colour[1], colour[2])
