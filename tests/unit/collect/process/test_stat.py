"""The fields of /proc/PID/stat and io."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.process.stat import ProcessStat, parse_io, parse_process_stat

TAIL = (
    b" S 1 10 10 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 88000 123456789 4096 18446744073709551615 1 1 0 0 0 0 0 0\n"
)


@pytest.mark.parametrize(
    "name",
    [b"bash", b"Web Content", b"(sd-pam)", b"a) S 1 (b", b"line\nend", b"\xff\xfe", b"", b"kworker/0:1H-kblockd"],
)
def test_names_of_every_kind(name: bytes) -> None:
    assert parse_process_stat(b"42 (" + name + b")" + TAIL) == ProcessStat(name, b"S", 300, 3, 88000, 4096)


@pytest.mark.parametrize("text", [b"", b"42 (a", b"42 (a) S 1 2", b"42 (a)" + TAIL.replace(b"250", b"x"), b")"])
def test_torn_texts(text: bytes) -> None:
    assert parse_process_stat(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n",
            (4096, 8192),
        ),
        (b"rchar: 1\nread_bytes: x\nwrite_bytes: 1\n", None),
        (b"", None),
    ],
)
def test_io(text: bytes, expected: tuple[int, int] | None) -> None:
    assert parse_io(text) == expected


@given(
    st.binary()
    | st.binary().map(lambda tail: b"1 (a) S " + tail)
    | st.binary().map(lambda tail: b"\nread_bytes: 1\nwrite_bytes: " + tail)
)
def test_any_bytes(text: bytes) -> None:
    parse_process_stat(text)
    parse_io(text)
