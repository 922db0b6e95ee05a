"""A bitmap font of five by nine dots, drawn for the labels of charts; capitals stand on the seventh row.

Each glyph is one character a row from the top, a digit of base 32 whose bits are the dots from left to right; rows left
out at the end are blank. It holds ASCII and the few signs that our units use; anything else is an empty box.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

WIDTH = 5
HEIGHT = 9
# One blank column between characters.
ADVANCE = WIDTH + 1

_BOX = "VHHHHHV"
_GLYPHS: Mapping[str, str] = {
    " ": "", "!": "4444404", '"': "AA", "#": "AAVAVAA", "$": "4FKE5U4", "%": "OP248J3", "&": "CIK8LID", "'": "44",
    "(": "2488842", ")": "8422248", "*": "04LEL4", "+": "044V44", ",": "00000C48", "-": "000E", ".": "00000CC",
    "/": "01248G", "0": "EHJLPHE", "1": "4C4444E", "2": "EH1248V", "3": "V2421HE", "4": "26AIV22", "5": "VGU11HE",
    "6": "68GUHHE", "7": "V124888", "8": "EHHEHHE", "9": "EHHF12C", ":": "0CC0CC", ";": "0CC0C48", "<": "248G842",
    "=": "00V0V", ">": "8421248", "?": "EH12404", "@": "EH1DLLE", "A": "EHHVHHH", "B": "UHHUHHU", "C": "EHGGGHE",
    "D": "SIHHHIS", "E": "VGGUGGV", "F": "VGGUGGG", "G": "EHGNHHF", "H": "HHHVHHH", "I": "E44444E", "J": "72222IC",
    "K": "HIKOKIH", "L": "GGGGGGV", "M": "HRLLHHH", "N": "HHPLJHH", "O": "EHHHHHE", "P": "UHHUGGG", "Q": "EHHHLID",
    "R": "UHHUKIH", "S": "FGGE11U", "T": "V444444", "U": "HHHHHHE", "V": "HHHHHA4", "W": "HHHLLLA", "X": "HHA4AHH",
    "Y": "HHHA444", "Z": "V1248GV", "[": "E88888E", "\\": "0G8421", "]": "E22222E", "^": "4AH", "_": "000000V",
    "`": "84", "a": "00E1FHF", "b": "GGMPHHU", "c": "00EGGHE", "d": "11DJHHF", "e": "00EHVGE", "f": "698S888",
    "g": "00FHHHF1E", "h": "GGMPHHH", "i": "40C444E", "j": "2062222IC", "k": "GGIKOKI", "l": "C44444E", "m": "00QLLHH",
    "n": "00MPHHH", "o": "00EHHHE", "p": "00UHHHUGG", "q": "00FHHHF11", "r": "00MPGGG", "s": "00EGE1U", "t": "88S8896",
    "u": "00HHHJD", "v": "00HHHA4", "w": "00HHLLA", "x": "00HA4AH", "y": "00HHHHF1E", "z": "00V248V", "{": "2448442",
    "|": "4444444", "}": "8442448", "~": "008L2", "°": "CIIC", "µ": "00HHHJTGG", "·": "000CC", "–": "000V",
    "…": "000000L",
}  # fmt: skip


@cache
def glyph(character: str) -> NDArray[np.bool_]:
    """Return the dots of one character, HEIGHT rows of WIDTH."""
    rows = _GLYPHS.get(character, _BOX).ljust(HEIGHT, "0")
    bits = [[bool(int(row, 32) >> (WIDTH - 1 - column) & 1) for column in range(WIDTH)] for row in rows]
    return np.array(bits, dtype=np.bool_)


def text_width(text: str, scale: int) -> int:
    """Return the pixels that ``text`` takes at ``scale`` pixels a dot."""
    return max(0, len(text) * ADVANCE - 1) * scale
