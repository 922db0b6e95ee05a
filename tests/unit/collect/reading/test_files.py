"""Reading small files, once and through a kept descriptor."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.files import (
    CHUNK_BYTES,
    HotFile,
    find_bytes,
    find_integer,
    find_text,
    list_names,
    parse_integer,
)


def test_hot_file_sees_what_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text("one")
    file = HotFile(path)
    assert file.read() == b"one"
    path.write_text("second")
    assert file.read() == b"second"
    file.close()
    assert file.read() == b"second"
    file.close()


def test_hot_file_that_is_missing_raises_until_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "late"
    file = HotFile(path)
    with pytest.raises(FileNotFoundError):
        file.read()
    assert file.find() is None
    path.write_text("here")
    assert file.find() == b"here"
    file.close()


@pytest.mark.parametrize("is_single", [True, False])
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_hot_file_reads_to_the_end(tmp_path: Path, size: int, is_single: bool) -> None:
    text = os.urandom(size)
    (tmp_path / "long").write_bytes(text)
    file = HotFile(tmp_path / "long", is_single=is_single)
    assert file.read() == text
    file.close()


def test_hot_file_gives_its_descriptor_back_after_a_fault(tmp_path: Path) -> None:
    file = HotFile(tmp_path)
    for _ in range(3):
        assert file.find() is None
    assert not any(Path(f"/proc/self/fd/{fd}").resolve() == tmp_path for fd in os.listdir("/proc/self/fd"))


def test_find_bytes_is_bounded_and_quiet(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("abcdef")
    assert find_bytes(path, 3) == b"abc"
    assert find_bytes(tmp_path / "none") is None
    assert find_bytes(tmp_path) is None
    assert find_bytes("with\0nul") is None
    assert find_text(path) == "abcdef"


def test_find_integer_takes_numbers_only(tmp_path: Path) -> None:
    for text, number in (("42\n", 42), ("-1\n", -1), ("max\n", None), ("", None), (str(2**63), None)):
        (tmp_path / "n").write_text(text)
        assert find_integer(tmp_path / "n") == number


def test_list_names_of_nothing_is_empty(tmp_path: Path) -> None:
    assert list_names(tmp_path / "none") == []


@given(st.binary())
def test_parse_integer_never_raises(raw: bytes) -> None:
    number = parse_integer(raw)
    assert number is None or -(2**63) <= number < 2**63
