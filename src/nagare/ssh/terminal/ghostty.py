"""The core on libghostty-vt: fast, complete, and young, so only what its header promises is used of it.

The binding offers no render state, scrolling or hyperlinks in Python yet: those are called as its header has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyghostty._ffi import ffi, lib, union_fn
from pyghostty.core import Terminal, init_sized

from nagare.ssh.terminal.clipboard import ClipboardScanner
from nagare.ssh.terminal.core import (
    SCROLLBACK_LINES,
    Cursor,
    Found,
    Modes,
    MouseEvent,
    MouseTracking,
    Run,
    within_bounds,
)
from nagare.ssh.terminal.finding import find_in
from nagare.ssh.terminal.ghostty_cells import CellReader
from nagare.ssh.terminal.keys import encode_key, encode_mouse, encode_paste
from nagare.ssh.terminal.stream import StreamFilter

# Ten thousand lines of 400 columns; one of the usual width takes a quarter of it.
_SCROLLBACK_LIMIT_BYTES = 40 * 2**20
_REPLY_LIMIT_BYTES = 64 * 1024
_TITLE_LIMIT = 200
_LINK_LIMIT_BYTES = 2048
# An answer to the question for the keyboard protocol of kitty, which is not spoken here.
_KITTY_REPLY_BEGIN, _KITTY_REPLY_END = b"\x1b[?", b"u"
_TRACKING = (
    (1003, MouseTracking.MOVES),
    (1002, MouseTracking.DRAGS),
    (1000, MouseTracking.CLICKS),
    (9, MouseTracking.PRESSES),
)

ffi.cdef("typedef struct { GhosttyTerminalScrollViewportTag tag; uint64_t first; uint64_t second; } NagareScrollTwin;")


class GhosttyCore:
    """A terminal of libghostty-vt; not for two threads."""

    def __init__(self, columns: int, rows: int, scrollback_lines: int = SCROLLBACK_LINES) -> None:
        """Make a terminal of that size, brought into bounds."""
        columns, rows = within_bounds(columns, rows)
        self._terminal = Terminal(columns, rows, scrollback_lines)
        self._handle = self._terminal._t[0]  # noqa: SLF001  the binding wraps only a part of the library
        self._replies = bytearray()
        self._terminal.on_reply(self._keep_reply)
        self._clipboard = ClipboardScanner()
        self._stream = StreamFilter()
        self._state, self._iterator = _new_state()
        self._reader = CellReader()
        self._refuse_images()
        self._size = (columns, rows)
        self._is_changed = True
        self._dirty: set[int] = set(range(rows))

    def _refuse_images(self) -> None:
        # A remote must not make this process read files or keep pictures that no cell can show; nor may it ask for the
        # title that it set, which comes back as if it had been typed. The bound in bytes must not undercut that of lines.
        self._set("KITTY_IMAGE_STORAGE_LIMIT", ffi.new("uint64_t*", 0))
        self._set("TITLE_REPORT", ffi.new("bool*", 0))
        self._set("SCROLLBACK_MAX_BYTES", ffi.new("size_t*", _SCROLLBACK_LIMIT_BYTES))

    def _set(self, option: str, value: Any) -> None:
        lib.ghostty_terminal_set(self._handle, getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}"), value)

    def feed(self, chunk: bytes) -> None:
        """Take in what the program wrote; never raises for its content."""
        self._clipboard.feed(chunk)
        self._terminal.feed(self._stream.pass_on(chunk))
        self._is_changed = True

    def resize(self, columns: int, rows: int) -> None:
        """Take another size; the primary screen is wrapped anew."""
        self._size = within_bounds(columns, rows)
        self._terminal.resize(*self._size)
        self._is_changed = True
        self._dirty = set(range(self._size[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is in the view."""
        self._update()
        cursor = init_sized("GhosttyRenderStateCursor")
        lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, cursor)
        is_shown = bool(cursor.viewport_has_value and cursor.visible)
        column = cursor.viewport_x - (1 if cursor.wide_tail else 0)
        return (
            Cursor(column, cursor.viewport_y, is_shown) if cursor.viewport_has_value else Cursor(0, 0, is_shown=False)
        )

    @property
    def modes(self) -> Modes:
        """What the program asked for."""
        mode = self._terminal.mode
        return Modes(
            application_cursor=mode(1),
            bracketed_paste=mode(2004),
            mouse=next((tracking for number, tracking in _TRACKING if mode(number)), MouseTracking.OFF),
            sgr_mouse=mode(1006),
            alternate_screen=bool(self._terminal.get("active_screen", "GhosttyTerminalScreen")),
            focus_events=mode(1004),
        )

    @property
    def title(self) -> str:
        """The title that the program gave."""
        told = self._terminal.get("title", "GhosttyString")
        return bytes(ffi.buffer(told.ptr, told.len)[: _TITLE_LIMIT * 4]).decode("utf-8", "replace")[:_TITLE_LIMIT]

    def dirty_rows(self) -> Sequence[int]:
        """Return the rows that look otherwise than at the last call."""
        self._update()
        dirty, self._dirty = sorted(self._dirty), set()
        return dirty

    def rows(self, numbers: Sequence[int]) -> Mapping[int, Sequence[Run]]:
        """Return several rows of the view, in one walk over them."""
        self._update()
        wanted, found = set(numbers), {}
        lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._iterator)
        iterator, at = self._iterator[0], 0
        while wanted and lib.ghostty_render_state_row_iterator_next(iterator):
            if at in wanted:
                wanted.discard(at)
                found[at] = self._reader.runs(iterator)
            at += 1
        return found

    def link_at(self, column: int, row: int) -> str:
        """Return the address of the hyperlink in a cell."""
        columns, rows = self._size
        if not (0 <= column < columns and 0 <= row < rows):
            return ""
        place = self._terminal.ref(column, row, "viewport")
        buffer, size = ffi.new("uint8_t[]", _LINK_LIMIT_BYTES), ffi.new("size_t*")
        if lib.ghostty_grid_ref_hyperlink_uri(place, buffer, len(buffer), size) != lib.GHOSTTY_SUCCESS:
            return ""
        return bytes(ffi.buffer(buffer, size[0])).decode("utf-8", "replace")

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
        self._scroll("DELTA", rows)

    def scroll_to(self, row: int) -> None:
        """Show that row, counted from the oldest kept."""
        self._scroll("ROW", max(row, 0))

    def _scroll(self, way: str, amount: int) -> None:
        twin = ffi.new("NagareScrollTwin*")
        twin.tag = getattr(lib, f"GHOSTTY_SCROLL_VIEWPORT_{way}")
        twin.first = amount & 0xFFFF_FFFF_FFFF_FFFF
        scroll = union_fn("ghostty_terminal_scroll_viewport", "void(*)(GhosttyTerminal, NagareScrollTwin)")
        scroll(self._handle, twin[0])
        self._is_changed = True

    @property
    def scrolled(self) -> tuple[int, int]:
        """Rows above the view and rows in all."""
        bar = self._terminal.get("scrollbar", "GhosttyTerminalScrollbar")
        return int(bar.offset), int(bar.total)

    def lines(self) -> Sequence[str]:
        """Return all rows as text."""
        columns, total = self._size[0], self.scrolled[1]
        selection = init_sized("GhosttySelection")
        selection.start = self._terminal.ref(0, 0, "screen")[0]
        selection.end = self._terminal.ref(columns - 1, total - 1, "screen")[0]
        text = str(self._terminal._format_sel(selection))  # noqa: SLF001  the same
        return text.split("\n")

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
        """Free what the library holds."""
        self._reader.close()
        lib.ghostty_render_state_row_iterator_free(self._iterator[0])
        lib.ghostty_render_state_free(self._state[0])
        self._terminal.close()

    def _keep_reply(self, answer: bytes) -> None:
        is_kitty = answer.startswith(_KITTY_REPLY_BEGIN) and answer.endswith(_KITTY_REPLY_END)
        if not is_kitty and len(self._replies) + len(answer) <= _REPLY_LIMIT_BYTES:
            self._replies += answer

    def _update(self) -> None:
        if not self._is_changed:
            return
        self._is_changed = False
        state = self._state[0]
        lib.ghostty_render_state_update(state, self._handle)
        how = ffi.new("GhosttyRenderStateDirty*")
        lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_DIRTY, how)
        if how[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FULL:
            self._dirty.update(range(self._size[1]))
        elif how[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_PARTIAL:
            lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._iterator)
            at = ffi.new("uint16_t*")
            while lib.ghostty_render_state_row_iterator_next_dirty(self._iterator[0], at):
                self._dirty.add(at[0])
        lib.ghostty_render_state_clean(state)


def _new_state() -> tuple[Any, Any]:
    state = ffi.new("GhosttyRenderState*")
    lib.ghostty_render_state_new(ffi.NULL, state)
    rows = ffi.new("GhosttyRenderStateRowIterator*")
    lib.ghostty_render_state_row_iterator_new(ffi.NULL, rows)
    return state, rows
