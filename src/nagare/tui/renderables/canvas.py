"""A grid of terminal cells that renderables draw on: characters, styles, and text that never leaves the grid.

Every width that leaves this module is measured as rich measures it, and foreign text is made plain (``cell_text``). Holds
no colours of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style

from nagare.tui.renderables.cell_text import cells

Lines = list[list[Segment]]

_SPACE = 32
# The right half of a wide character: it holds a place in the grid and is left out when the row becomes text.
_CONTINUATION = 0


def _is_wide(code: int) -> bool:
    return code > 0x7F and get_character_cell_size(chr(code)) == 2


class Canvas:
    """A grid of ``width`` × ``height`` cells, at first blank."""

    def __init__(self, width: int, height: int) -> None:
        """Make the grid; a size below zero counts as zero."""
        self.width = max(0, width)
        self.height = max(0, height)
        self.codes: NDArray[np.uint32] = np.full((self.height, self.width), _SPACE, dtype=np.uint32)
        self.styles: NDArray[np.int16] = np.zeros((self.height, self.width), dtype=np.int16)
        self._table: list[Style] = [Style.null()]
        self._numbers: dict[Style, int] = {self._table[0]: 0}

    def number(self, style: Style) -> int:
        """Return the number that stands for ``style`` in ``styles``."""
        known = self._numbers.get(style)
        if known is None:
            known = self._numbers[style] = len(self._table)
            self._table.append(style)
        return known

    def put(self, row: int, column: int, text: str, style: Style, width: int | None = None) -> int:
        """Write ``text`` from (row, column) and return the cells taken; what falls outside is left out."""
        if not 0 <= row < self.height:
            return 0
        number = self.number(style)
        end = self.width if width is None else min(self.width, column + width)
        at = column
        for character in cells(text):
            size = get_character_cell_size(character)
            if at + size > end:
                break
            if at >= 0:
                self.codes[row, at] = ord(character)
                self.codes[row, at + 1 : at + size] = _CONTINUATION
                self.styles[row, at : at + size] = number
            at += size
        return max(0, at - column)

    def put_each(
        self, rows: Sequence[int], columns: Sequence[int], kinds: Sequence[int], looks: Sequence[tuple[str, Style]]
    ) -> None:
        """Write a text at each of many places: ``kinds`` has which of ``looks`` (text, style). What falls outside is left out."""
        if not rows:
            return
        codes, numbers = self._look_cells(looks)
        row, kind = np.array(rows)[:, np.newaxis], np.array(kinds)
        column = np.array(columns)[:, np.newaxis] + np.arange(codes.shape[1])
        row = np.broadcast_to(row, column.shape)
        inside = (numbers[kind] >= 0) & (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        at = row[inside], column[inside]
        self.codes[at], self.styles[at] = codes[kind][inside], numbers[kind][inside]

    def _look_cells(self, looks: Sequence[tuple[str, Style]]) -> tuple[NDArray[np.uint32], NDArray[np.int16]]:
        """Return the characters of each look and the numbers of their styles, -1 where its text is shorter than the longest."""
        texts = [
            [code for one in cells(text) for code in (ord(one), _CONTINUATION)[: get_character_cell_size(one)]]
            for text, _ in looks
        ]
        shape = (len(looks), max(map(len, texts)))
        codes, numbers = np.full(shape, _SPACE, dtype=np.uint32), np.full(shape, -1, dtype=np.int16)
        for at, (text, (_, style)) in enumerate(zip(texts, looks, strict=True)):
            codes[at, : len(text)], numbers[at, : len(text)] = text, self.number(style)
        return codes, numbers

    def fill(self, rows: slice, columns: slice, character: str, style: Style) -> None:
        """Fill a rectangle with one narrow character."""
        self.codes[rows, columns] = ord(character)
        self.styles[rows, columns] = self.number(style)

    def fill_blank(self, rows: slice, columns: slice | NDArray[np.bool_], character: str, style: Style) -> None:
        """Fill those cells of a rectangle that are still blank."""
        codes = self.codes[rows, columns]
        blank = codes == _SPACE
        self.codes[rows, columns] = np.where(blank, np.uint32(ord(character)), codes)
        self.styles[rows, columns] = np.where(blank, np.int16(self.number(style)), self.styles[rows, columns])

    def lines(self, base: Style | None = None) -> Lines:
        """Return the rows as segments, one per run of a style, each laid over ``base``."""
        if not self.width or not self.height:
            return [[] for _ in range(self.height)]
        wide = self._mend_wide()
        styles = self._merged_styles()
        text = self.codes.tobytes().decode("utf-32-le", errors="replace")
        changed = np.ones_like(styles, dtype=np.bool_)
        changed[:, 1:] = styles[:, 1:] != styles[:, :-1]
        lines: Lines = [[] for _ in range(self.height)]
        starts = np.flatnonzero(changed.ravel())
        stops = np.append(starts[1:], styles.size).tolist()
        numbers = styles.ravel()[starts].tolist()
        width, table = self.width, self._table if base is None else [base + style for style in self._table]
        for start, stop, number in zip(starts.tolist(), stops, numbers, strict=True):
            run = text[start:stop].replace("\0", "") if wide else text[start:stop]
            lines[start // width].append(Segment(run, table[number]))
        return lines

    def _mend_wide(self) -> bool:
        """Blank the halves of wide characters that lost their other half; tell whether there are wide ones."""
        continued = self.codes == _CONTINUATION
        for row in np.flatnonzero(continued.any(axis=1)).tolist():
            codes = self.codes[row]
            for column in range(self.width):
                is_half = codes[column] == _CONTINUATION
                followed = column + 1 < self.width and codes[column + 1] == _CONTINUATION
                led = column > 0 and _is_wide(int(codes[column - 1]))
                if (is_half and not led) or (not is_half and not followed and _is_wide(int(codes[column]))):
                    codes[column] = _SPACE
        return bool(continued.any())

    def _merged_styles(self) -> NDArray[np.int16]:
        """Let blank cells without a background take their left neighbour's style: fewer, longer segments."""
        shown = np.array([s.bgcolor is not None or bool(s.reverse or s.underline) for s in self._table], dtype=np.bool_)
        free = (self.codes == _SPACE) & ~shown[self.styles]
        free[:, 0] = False
        # A blank cell after a style with a background must not take that background.
        columns = np.where(free, 0, np.arange(self.width))
        source = np.maximum.accumulate(columns, axis=1)
        merged = np.take_along_axis(self.styles, source, axis=1)
        return np.where(free & shown[merged], self.styles, merged)


def lines_text(lines: Sequence[Sequence[Segment]]) -> list[str]:
    """Return lines as text without styles."""
    return ["".join(segment.text for segment in line) for line in lines]


def lines_width(lines: Sequence[Sequence[Segment]]) -> int:
    """Return the width of the widest line in cells."""
    return max((sum(cell_len(segment.text) for segment in line) for line in lines), default=0)
