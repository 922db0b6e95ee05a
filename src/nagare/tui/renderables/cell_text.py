"""Text as cells of a terminal: harmless, and cut or padded to a width. Needs no arrays: the first paint is made with it.

Every width that leaves this module is measured as rich measures it. Foreign text is made plain here, so that no caller can
forget it.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, get_character_cell_size

from nagare.lib.plain_text import plain


def cells(text: str) -> str:
    """Return ``text`` harmless and made of characters that each take one or two cells."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", plain(text))
    return "".join(character for character in composed if get_character_cell_size(character) > 0)


def cut(text: str, width: int, more: str = "…") -> str:
    """Return harmless ``text`` in at most ``width`` cells; a cut is shown by ``more``."""
    text = cells(text)
    if cell_len(text) <= width:
        return text
    if width <= cell_len(more):
        return more if width == cell_len(more) else ""
    kept, room = [], width - cell_len(more)
    for character in text:
        room -= get_character_cell_size(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + more


def fit(text: str, width: int, more: str = "…", *, right: bool = False) -> str:
    """Return harmless ``text`` in exactly ``width`` cells, padded on the left when ``right``."""
    if len(text) <= width and text.isascii() and text.isprintable():
        return text.rjust(width) if right else text.ljust(width)
    text = cut(text, width, more)
    padding = " " * max(0, width - cell_len(text))
    return padding + text if right else text + padding
