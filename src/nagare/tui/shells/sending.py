"""What is typed in one pane, sent by each pane that hears it: as the program in that one wants its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nagare.tui.widgets.terminal_pane import TerminalPane


def send_key(pane: TerminalPane, key: str, character: str | None) -> None:
    """Send a key to the pane's host."""
    if pane.core is not None:
        pane.send(pane.core.encode_key(key, character))


def send_paste(pane: TerminalPane, text: str) -> None:
    """Send pasted text to the pane's host."""
    if pane.core is not None:
        pane.send(pane.core.encode_paste(text))
