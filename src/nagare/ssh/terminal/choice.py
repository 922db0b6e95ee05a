"""Which core a pane gets: libghostty where it can be loaded, avt elsewhere. Imports either only when it is asked for."""

from __future__ import annotations

from nagare.errors import UnavailableError
from nagare.ssh.terminal.core import TerminalCore


def make_core(columns: int, rows: int) -> TerminalCore:
    """Return a core of that size. Raises UnavailableError where neither library is installed."""
    try:
        from nagare.ssh.terminal.ghostty import GhosttyCore  # noqa: PLC0415  130 ms, and absent on some systems

        return GhosttyCore(columns, rows)
    except (ImportError, OSError):
        return _make_fallback(columns, rows)


def _make_fallback(columns: int, rows: int) -> TerminalCore:
    try:
        from nagare.ssh.terminal.avt import AvtCore  # noqa: PLC0415  absent on some systems
    except ImportError as error:
        raise UnavailableError(
            "cannot open a pane: no terminal emulator is installed here",
            hint="pip install pyghostty==0.1.3 or pip install pyavt",
        ) from error
    return AvtCore(columns, rows)
