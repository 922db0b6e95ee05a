"""The bytes of keys, of the old form of the mouse, and of pastes."""

import pytest

from nagare.ssh.terminal.core import Modes, MouseEvent, MouseTracking
from nagare.ssh.terminal.keys import encode_key, encode_mouse, encode_paste


@pytest.mark.parametrize(
    ("key", "character", "told"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("upper_a", "A", b"A"),
        ("plus", "+", b"+"),
        ("+", "+", b"+"),
        ("enter", "\r", b"\r"),
        ("space", " ", b" "),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("backspace", "\x7f", b"\x7f"),
        ("escape", "\x1b", b"\x1b"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+space", "\x00", b"\x00"),
        ("ctrl+at", "\x00", b"\x00"),
        ("ctrl+backslash", "\x1c", b"\x1c"),
        ("ctrl+underscore", "\x1f", b"\x1f"),
        ("alt+x", None, b"\x1bx"),
        ("alt+enter", None, b"\x1b\r"),
        ("ctrl+alt+d", None, b"\x1b\x04"),
        ("f1", None, b"\x1bOP"),
        ("f12", None, b"\x1b[24~"),
        ("shift+f5", None, b"\x1b[15;2~"),
        ("ctrl+left", None, b"\x1b[1;5D"),
        ("alt+shift+up", None, b"\x1b[1;4A"),
        ("delete", None, b"\x1b[3~"),
        ("home", None, b"\x1b[H"),
        ("ü", "ü", "ü".encode()),
        ("ctrl+shift+f40", None, b""),
        ("media_play", None, b""),
    ],
)
def test_a_key_is_what_xterm_sends(key: str, character: str | None, told: bytes) -> None:
    assert encode_key(key, character, Modes()) == told


def test_the_mouse_in_both_forms() -> None:
    new = Modes(mouse=MouseTracking.DRAGS, sgr_mouse=True)
    old = Modes(mouse=MouseTracking.DRAGS)
    assert encode_mouse(MouseEvent("release", 1, 0, 0), new) == b"\x1b[<0;1;1m"
    assert encode_mouse(MouseEvent("press", 4, 9, 9, control=True), new) == b"\x1b[<80;10;10M"
    assert encode_mouse(MouseEvent("move", 1, 1, 1), new) == b"\x1b[<32;2;2M"
    assert encode_mouse(MouseEvent("move", 0, 1, 1), new) == b""
    assert encode_mouse(MouseEvent("release", 1, 0, 0), old) == b"\x1b[M#!!"
    assert encode_mouse(MouseEvent("press", 1, 300, 0), old) == b""


def test_a_paste_keeps_tabs_and_loses_control_letters() -> None:
    assert encode_paste("a\tb\r\nc\x03\x1b", Modes()) == b"a\tb\rc"
    # What terminals and browsers make of a newline in a paste.
    assert encode_paste("a\rb\nc", Modes()) == b"a\rb\rc"
