"""What a terminal shows while the dashboard is loaded: the full screen, where we are going, and that it is being opened."""

from __future__ import annotations

import os
import sys

from nagare.config.surroundings import variable
from nagare.lib.plain_text import plain

_NAME_LIMIT = 60
# The full screen, which the dashboard enters again and leaves; no cursor, from the upper left corner.
_BEGIN = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"


def paint_first_frame(location: str | None, *, ascii_only: bool) -> None:
    """Draw it, where the dashboard will be drawn: what draws that takes several times as long to load.

    A key that is pressed meanwhile is read once it runs. ``kept_terminal`` gives the screen back where nothing comes of it.
    """
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else -1
    if descriptor < 0 or not os.isatty(descriptor) or variable("TERM") in ("", "dumb"):
        return
    size = os.get_terminal_size(descriptor)
    frame = first_frame(location, size.columns, size.lines, ascii_only=ascii_only)
    os.write(descriptor, frame.encode())


def first_frame(location: str | None, columns: int, lines: int, *, ascii_only: bool) -> str:
    """Return what shows it on a terminal of that size."""
    step, more = (" > ", "...") if ascii_only else (" ▸ ", "…")
    page = plain(location or "overview", _NAME_LIMIT).partition("?")[0]
    if ascii_only:
        page = page.encode("ascii", "replace").decode()
    crumbs = step.join(["nagare", *filter(None, page.split("/"))])
    opening = f"opening{more}"
    row, column = lines // 2 + 1, max(1, (columns - len(opening)) // 2 + 1)
    return (
        f"{_BEGIN} \x1b[1m{crumbs[: max(0, columns - 2)]}\x1b[0m\x1b[{row};{column}H\x1b[2m{opening[:columns]}\x1b[0m"
    )
