"""Links that a program on a host writes (OSC 8). They are foreign text: what one leads to is looked at before it goes anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from textual.message import Message

if TYPE_CHECKING:
    from nagare.ssh.terminal.core import TerminalCore
    from nagare.tui.widgets.terminal_pane import TerminalPane

# What only leads somewhere; a file, a script or a program's own kind would do something.
KINDS = ("http", "https", "mailto")
_LENGTH_LIMIT = 1000
_LINKS_LIMIT = 50


class LinkPointed(Message):
    """A link in a pane was clicked."""

    def __init__(self, pane: TerminalPane, address: str) -> None:
        """Keep the pane and the address as the host wrote it."""
        super().__init__()
        self.pane = pane
        self.address = address


def safe_link(address: str) -> str:
    """Return ``address`` if it may be shown and copied, empty for one of another kind or of letters that no address has."""
    # Letters beyond ASCII may look like others; an address writes them with percent signs.
    if not 0 < len(address) <= _LENGTH_LIMIT or not all("!" <= letter <= "~" for letter in address):
        return ""
    try:
        parts = urlsplit(address)
        place = parts.path if parts.scheme == "mailto" else parts.hostname
    except ValueError:
        return ""
    return address if parts.scheme in KINDS and place else ""


def place_of(address: str) -> str:
    """Return where a safe link leads: the host, whatever stands before an ``@``, or whom one would write to."""
    parts = urlsplit(address)
    return f"mail to {parts.path}" if parts.scheme == "mailto" else parts.hostname or ""


def shown_links(core: TerminalCore) -> list[str]:
    """Return the safe links of the rows that are shown, each once, from the top."""
    columns, rows = core.size
    cells: Iterable[str] = (core.link_at(column, row) for row in range(rows) for column in range(columns))
    return list(dict.fromkeys(address for address in map(safe_link, cells) if address))[:_LINKS_LIMIT]
