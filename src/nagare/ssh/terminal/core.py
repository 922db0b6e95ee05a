"""What a pane needs of a terminal emulator; two cores keep this promise, and one suite of tests holds both to it.

A core reads bytes as the remote wrote them and never raises for what stands in them. It does no input or output of its
own: what it would answer to the remote is collected and handed out by ``take_replies``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

SCROLLBACK_LINES = 10_000
# The smallest screen that an emulator can be made for, and more cells than any window has.
LEAST_COLUMNS, LEAST_ROWS, MOST_COLUMNS, MOST_ROWS = 2, 1, 1000, 500

# A colour: None is the pane's own, a number stands in the palette of 256, three numbers are red, green and blue.
Colour = int | tuple[int, int, int] | None


class CellStyle(NamedTuple):
    """How cells look; ``underline`` counts the lines below the text."""

    foreground: Colour = None
    background: Colour = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: int = 0
    blink: bool = False
    inverse: bool = False
    strike: bool = False
    overline: bool = False


PLAIN = CellStyle()


class Run(NamedTuple):
    """Neighbouring cells of one style."""

    text: str
    style: CellStyle = PLAIN


class Cursor(NamedTuple):
    """Where the cursor is in the rows that are shown; ``is_shown`` is False where it is hidden or scrolled away."""

    column: int
    row: int
    is_shown: bool


class MouseTracking(Enum):
    """Which events of the mouse the program asked for."""

    OFF = "off"
    PRESSES = "presses"
    CLICKS = "clicks"
    DRAGS = "drags"
    MOVES = "moves"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the program in the terminal asked for, as far as keys, the mouse and pastes depend on it."""

    application_cursor: bool = False
    bracketed_paste: bool = False
    mouse: MouseTracking = MouseTracking.OFF
    sgr_mouse: bool = False
    alternate_screen: bool = False
    focus_events: bool = False


@dataclass(frozen=True, slots=True)
class MouseEvent:
    """Something the mouse did; ``button`` counts from 1 (left, middle, right), 4 and 5 are the wheel, 0 is none."""

    kind: str  # press, release or move
    button: int
    column: int
    row: int
    shift: bool = False
    alt: bool = False
    control: bool = False


class Found(NamedTuple):
    """A place where a search found something: row from the oldest kept, column and width in cells."""

    row: int
    column: int
    width: int


class TerminalCore(Protocol):
    """A screen with scrollback that bytes of a remote program change."""

    def feed(self, chunk: bytes) -> None:
        """Take in what the program wrote; never raises for its content."""

    def resize(self, columns: int, rows: int) -> None:
        """Take another size; sizes beyond the bounds of this module are brought to them."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is."""

    @property
    def modes(self) -> Modes:
        """What the program asked for."""

    @property
    def title(self) -> str:
        """The title that the program gave, as it came: bounded, but not made harmless."""

    def dirty_rows(self) -> Sequence[int]:
        """Return the rows that look otherwise than at the last call, and forget them."""

    def rows(self, numbers: Sequence[int]) -> Mapping[int, Sequence[Run]]:
        """Return rows that are shown, the runs of each together as wide as the screen."""

    def link_at(self, column: int, row: int) -> str:
        """Return the address of the hyperlink in a cell, empty where there is none or the core keeps none."""

    def encode_key(self, key: str, character: str | None) -> bytes:
        """Return what the program gets for a key by its Textual name; nothing for one that a terminal cannot send."""

    def encode_mouse(self, event: MouseEvent) -> bytes:
        """Return what the program gets for an event of the mouse; nothing when it did not ask for it."""

    def encode_paste(self, text: str) -> bytes:
        """Return what the program gets for pasted text, which cannot end its own bracket."""

    def scroll(self, rows: int) -> None:
        """Move the view: up into the scrollback for negative numbers, down to the end for positive ones."""

    def scroll_to(self, row: int) -> None:
        """Show the row of that number, counted from the oldest kept, as far up as possible."""

    @property
    def scrolled(self) -> tuple[int, int]:
        """Rows above the view and rows in all, scrollback included."""

    def lines(self) -> Sequence[str]:
        """Return all rows as text, the oldest first, without blanks at their ends."""

    def search(self, needle: str) -> Sequence[Found]:
        """Return where ``needle`` stands, oldest first, without regard to case; at most a thousand places."""

    def take_replies(self) -> bytes:
        """Return what the terminal answers to questions of the program since the last call."""

    def take_clipboard(self) -> str | None:
        """Return what the program wants in the clipboard (OSC 52) since the last call: the newest, None for nothing."""

    def close(self) -> None:
        """Free what the core holds; nothing else may be called afterwards."""


def within_bounds(columns: int, rows: int) -> tuple[int, int]:
    """Return a size that a core can have."""
    return min(max(columns, LEAST_COLUMNS), MOST_COLUMNS), min(max(rows, LEAST_ROWS), MOST_ROWS)
