"""Gives the terminal back as it was, also when the dashboard died without doing so itself."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from collections.abc import Iterator

# Main screen, visible cursor, no mouse reports, no bracketed paste, no focus reports, default keypad and colours.
_RESET = (
    "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[?2026l"
    "\x1b[<u\x1b[0m\r"
)


class SavedTerminal:
    """The modes of a terminal as they were; ``restore`` may be called more than once."""

    def __init__(self, descriptor: int) -> None:
        """Remember the modes of ``descriptor``; one that is no terminal has none."""
        self._descriptor = descriptor
        self._modes: list[int | list[bytes | int]] | None = None
        with contextlib.suppress(termios.error, OSError):
            self._modes = termios.tcgetattr(descriptor)

    def hush(self) -> None:
        """Show no key that is pressed before somebody takes it."""
        if self._modes is None:
            return
        with contextlib.suppress(termios.error, OSError):
            modes = termios.tcgetattr(self._descriptor)
            modes[3] &= ~termios.ECHO
            termios.tcsetattr(self._descriptor, termios.TCSANOW, modes)

    def restore(self, *, is_clean: bool) -> None:
        """Set the modes again; after an unclean end also leave the full screen."""
        if self._modes is None:
            return
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)
            if not is_clean:
                os.write(self._descriptor, _RESET.encode())


@contextlib.contextmanager
def kept_terminal() -> Iterator[SavedTerminal]:
    """Keep the modes of stdin's terminal over the block."""
    saved = SavedTerminal(sys.stdin.fileno())
    try:
        yield saved
    except BaseException:
        saved.restore(is_clean=False)
        raise
    saved.restore(is_clean=True)
