"""Reads rows of libghostty's cells as runs of text and style.

Cells are read as the numbers they are; what a number means is asked of the library once and kept, so that no layout is
taken for granted. Styles are asked for where a run begins, for their numbers are used again for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyghostty._ffi import ffi, lib
from pyghostty.core import init_sized

from nagare.ssh.terminal.core import PLAIN, CellStyle, Colour, Run

# Past a screenful of different letters and styles the meanings are asked for anew; one takes about 200 bytes.
_KEPT_LIMIT = 20_000
_WIDE, _TAIL = lib.GHOSTTY_CELL_WIDE_WIDE, lib.GHOSTTY_CELL_WIDE_SPACER_TAIL
_CLUSTER = lib.GHOSTTY_CELL_CONTENT_CODEPOINT_GRAPHEME
_BACK_PALETTE, _BACK_RGB = lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE, lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB
_ROW_RAW, _ROW_CELLS = lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS
_CELL_STYLE = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
_CLUSTER_SIZE = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN
_CLUSTER_LETTERS = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF
_FACTS = {
    "tag": (lib.GHOSTTY_CELL_DATA_CONTENT_TAG, ffi.new("GhosttyCellContentTag*")),
    "wide": (lib.GHOSTTY_CELL_DATA_WIDE, ffi.new("GhosttyCellWide*")),
    "style": (lib.GHOSTTY_CELL_DATA_STYLE_ID, ffi.new("uint16_t*")),
    "code": (lib.GHOSTTY_CELL_DATA_CODEPOINT, ffi.new("uint32_t*")),
    "palette": (lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, ffi.new("GhosttyColorPaletteIndex*")),
    "rgb": (lib.GHOSTTY_CELL_DATA_COLOR_RGB, ffi.new("GhosttyColorRgb*")),
}


class _Meaning(NamedTuple):
    """What a cell's number means: its letter (None: ask for the whole cluster), style and background of its own."""

    text: str | None
    style_id: int
    background: Colour = None


class CellReader:
    """Reads the row that an iterator of the render state stands on; keeps what it learned, in bounds."""

    def __init__(self) -> None:
        """Make what the library fills."""
        self._cells = ffi.new("GhosttyRenderStateRowCells*")
        lib.ghostty_render_state_row_cells_new(ffi.NULL, self._cells)
        self._view = ffi.new("GhosttyCellsView*")
        self._style = init_sized("GhosttyStyle")
        self._meanings: dict[int, _Meaning] = {}
        self._styles: dict[bytes, CellStyle] = {}

    def close(self) -> None:
        """Free what the library holds."""
        lib.ghostty_render_state_row_cells_free(self._cells[0])

    def runs(self, iterator: Any) -> Sequence[Run]:
        """Return the row that ``iterator`` stands on."""
        view = self._view
        lib.ghostty_render_state_row_get(iterator, _ROW_RAW, view)
        lib.ghostty_render_state_row_get(iterator, _ROW_CELLS, self._cells)
        numbers = memoryview(ffi.buffer(view.ptr, view.len * 8)).cast("B").cast("Q").tolist()
        runs: list[Run] = []
        letters: list[str] = []
        style = PLAIN
        last: tuple[int, Colour] = (0, None)
        for at, number in enumerate(numbers):
            text, style_id, background = self._meanings.get(number) or self._learn(number)
            if (style_id, background) != last:
                if letters:
                    runs.append(Run("".join(letters), style))
                    letters = []
                style, last = self._style_at(at, style_id, background), (style_id, background)
            letters.append(self._cluster_at(at) if text is None else text)
        if letters:
            runs.append(Run("".join(letters), style))
        return runs

    def _learn(self, number: int) -> _Meaning:
        if len(self._meanings) >= _KEPT_LIMIT:
            self._meanings.clear()
        meaning = self._meanings[number] = _meaning(number)
        return meaning

    def _style_at(self, at: int, style_id: int, background: Colour) -> CellStyle:
        if background is not None:
            return CellStyle(background=background)
        if not style_id:
            return PLAIN
        lib.ghostty_render_state_row_cells_select(self._cells[0], at)
        lib.ghostty_render_state_row_cells_get(self._cells[0], _CELL_STYLE, self._style)
        told = bytes(ffi.buffer(self._style))
        style = self._styles.get(told)
        if style is None:
            if len(self._styles) >= _KEPT_LIMIT:
                self._styles.clear()
            style = self._styles[told] = _cell_style(self._style)
        return style

    def _cluster_at(self, at: int) -> str:
        cells, size = self._cells[0], ffi.new("uint32_t*")
        lib.ghostty_render_state_row_cells_select(cells, at)
        lib.ghostty_render_state_row_cells_get(cells, _CLUSTER_SIZE, size)
        letters = ffi.new("uint32_t[]", max(size[0], 1))
        lib.ghostty_render_state_row_cells_get(cells, _CLUSTER_LETTERS, letters)
        return "".join(map(chr, letters[0 : size[0]])) or " "


def _meaning(number: int) -> _Meaning:
    tag, wide, style_id = _fact(number, "tag"), _fact(number, "wide"), _fact(number, "style")
    if wide == _TAIL:
        return _Meaning("", style_id)
    if tag == _CLUSTER:
        return _Meaning(None, style_id)
    if tag == _BACK_PALETTE:
        return _Meaning(" ", 0, int(_fact(number, "palette")))
    if tag == _BACK_RGB:
        return _Meaning(" ", 0, _rgb(_fact(number, "rgb")))
    code = _fact(number, "code")
    return _Meaning(chr(code) if code else " " * (2 if wide == _WIDE else 1), style_id)


def _fact(number: int, what: str) -> Any:
    key, place = _FACTS[what]
    lib.ghostty_cell_get(number, key, place)
    return place[0]


def _cell_style(style: Any) -> CellStyle:
    foreground, back = _colour(style.fg_color), _colour(style.bg_color)
    return CellStyle(
        # What is invisible is drawn in the colour of its background: a copy finds it, as in any terminal.
        back if style.invisible else foreground,
        back,
        bool(style.bold),
        bool(style.faint),
        bool(style.italic),
        int(style.underline),
        bool(style.blink),
        bool(style.inverse),
        bool(style.strikethrough),
        bool(style.overline),
    )


def _colour(colour: Any) -> Colour:
    if colour.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
        return int(colour.value.palette)
    return _rgb(colour.value.rgb) if colour.tag == lib.GHOSTTY_STYLE_COLOR_RGB else None


def _rgb(colour: Any) -> tuple[int, int, int]:
    return int(colour.r), int(colour.g), int(colour.b)
