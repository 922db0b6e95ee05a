"""What a program gets for keys, the mouse and pastes: the bytes of xterm, by the modes that the program asked for.

The keyboard protocol of kitty is not spoken: no core answers its query, so that programs stay with what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.ssh.terminal.core import Modes, MouseEvent, MouseTracking

_PASTE_BEGIN, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
# Keys whose last letter tells them apart: ``CSI letter``, ``SS3 letter`` in application mode, ``CSI 1;m letter``.
_LETTERS: Mapping[str, str] = MappingProxyType(
    {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F", "f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
)  # fmt: skip
_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        "insert": 2, "delete": 3, "pageup": 5, "pagedown": 6, "f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20,
        "f10": 21, "f11": 23, "f12": 24,
    }
)  # fmt: skip
_PLAIN: Mapping[str, bytes] = MappingProxyType(
    {"enter": b"\r", "tab": b"\t", "escape": b"\x1b", "backspace": b"\x7f", "space": b" "}
)
# What Ctrl makes of a key that is no letter, by Textual's names.
_CONTROLS: Mapping[str, bytes] = MappingProxyType(
    {
        "at": b"\x00", "space": b"\x00", "left_square_bracket": b"\x1b", "backslash": b"\x1c",
        "right_square_bracket": b"\x1d", "circumflex_accent": b"\x1e", "underscore": b"\x1f", "slash": b"\x1f",
        "2": b"\x00", "backspace": b"\x08", "enter": b"\r", "tab": b"\t", "escape": b"\x1b",
    }
)  # fmt: skip


def encode_key(key: str, character: str | None, modes: Modes) -> bytes:
    """Return the bytes of a key by its Textual name, such as ``ctrl+shift+left``; none for one that has none."""
    *names, last = key.split("+") if key != "+" else ("+",)
    held = frozenset(names)
    if last in _LETTERS or last in _NUMBERS:
        return _encode_named(last, held, modes)
    if key == "shift+tab":
        return b"\x1b[Z"
    told = _encode_character(last, held, character)
    return b"\x1b" + told if told and "alt" in held else told


def _encode_named(name: str, held: frozenset[str], modes: Modes) -> bytes:
    modifier = 1 + ("shift" in held) + 2 * ("alt" in held) + 4 * ("ctrl" in held)
    if name in _NUMBERS:
        return f"\x1b[{_NUMBERS[name]}{'' if modifier == 1 else f';{modifier}'}~".encode()
    letter = _LETTERS[name]
    if modifier > 1:
        return f"\x1b[1;{modifier}{letter}".encode()
    is_short = letter in "PQRS" or modes.application_cursor
    return f"\x1b{'O' if is_short else '['}{letter}".encode()


def _encode_character(name: str, held: frozenset[str], character: str | None) -> bytes:
    if "ctrl" in held:
        return bytes([ord(name) & 0x1F]) if len(name) == 1 and name.isalpha() else _CONTROLS.get(name, b"")
    if name in _PLAIN:
        return _PLAIN[name]
    if character and character.isprintable():
        return character.encode()
    # With Alt the library tells no character; a letter's name is the letter.
    letter = name.upper() if "shift" in held else name
    return letter.encode() if len(name) == 1 else b""


def encode_paste(text: str, modes: Modes) -> bytes:
    """Return pasted text as the program gets it: newlines as Enter, and no sequence that ends the bracket."""
    # Terminals and browsers hand over a newline as what Enter sends.
    lines = text.replace("\r\n", "\r").replace("\n", "\r")
    body = "".join(letter for letter in lines if letter in "\r\t" or letter.isprintable()).encode()
    return _PASTE_BEGIN + body + _PASTE_END if modes.bracketed_paste else body


def encode_mouse(event: MouseEvent, modes: Modes) -> bytes:
    """Return an event of the mouse as the program gets it; nothing when it did not ask for it."""
    if not _is_wanted(event, modes.mouse):
        return b""
    code = _button_code(event) + 4 * event.shift + 8 * event.alt + 16 * event.control
    if modes.sgr_mouse:
        end = "m" if event.kind == "release" else "M"
        return f"\x1b[<{code};{event.column + 1};{event.row + 1}{end}".encode()
    if event.kind == "release":
        code = code & ~3 | 3  # the old form does not say which button
    if event.column > 222 or event.row > 222:
        return b""  # the old form has no number for it
    return b"\x1b[M" + bytes([32 + code, 33 + event.column, 33 + event.row])


def _is_wanted(event: MouseEvent, tracking: MouseTracking) -> bool:
    if tracking is MouseTracking.OFF:
        return False
    if event.kind == "move":
        return tracking is MouseTracking.MOVES or (tracking is MouseTracking.DRAGS and event.button > 0)
    if event.kind == "release":
        return tracking is not MouseTracking.PRESSES and event.button < 4
    return True


def _button_code(event: MouseEvent) -> int:
    if event.button >= 4:
        return 64 + event.button - 4
    base = event.button - 1 if event.button else 3
    return base + 32 if event.kind == "move" else base
