"""What cores do not see: fillers and the wish for another width, wherever a chunk ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.ssh.terminal.stream import StreamFilter

_CLEARED = b"\x1b[r\x1b[2J\x1b[H"


@pytest.mark.parametrize(
    ("stream", "passed"),
    [
        (b"plain \xc3\xa4\r\n", b"plain \xc3\xa4\r\n"),
        (b"a\x7fb", b"ab"),
        (b"\x1b[?3h", _CLEARED),
        (b"\x1b[?3l", _CLEARED),
        (b"\x1b[?40h", b""),
        (b"\x1b[?40;03h", _CLEARED),
        (b"\x1b[?1;40;3;25h!", b"\x1b[?1;25h" + _CLEARED + b"!"),
        (b"\x1b[?1049h\x1b[?25l", b"\x1b[?1049h\x1b[?25l"),
        (b"\x1b[?13h\x1b[3h\x1b[?3$p", b"\x1b[?13h\x1b[3h\x1b[?3$p"),
    ],
)
def test_what_is_left_out(stream: bytes, passed: bytes) -> None:
    assert StreamFilter().pass_on(stream) == passed
    one_by_one = StreamFilter()
    assert b"".join(one_by_one.pass_on(bytes([byte])) for byte in stream) == passed


def test_what_never_ends_is_not_waited_for() -> None:
    begun = b"\x1b[?" + b"1" * 100
    assert StreamFilter().pass_on(begun) == begun


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\x1b", b"\x1b[?", b"3", b"40", b";", b"h", b"\x7f"])))
def test_cuts_change_nothing(pieces: list[bytes]) -> None:
    whole, cut = StreamFilter(), StreamFilter()
    # What ends it shows what still waits.
    assert whole.pass_on(b"".join(pieces) + b"!") == b"".join(map(cut.pass_on, [*pieces, b"!"]))
