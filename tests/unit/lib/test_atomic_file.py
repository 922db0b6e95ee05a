import os
from pathlib import Path

import pytest

from nagare.lib.atomic_file import sync_directory, write_atomic


@pytest.mark.parametrize("durable", [True, False])
def test_the_new_content_stands_alone(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "note.json"
    write_atomic(path, b"old", durable=durable)
    write_atomic(path, b"new and longer", durable=durable)
    assert path.read_bytes() == b"new and longer"
    assert os.listdir(tmp_path) == ["note.json"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_holds_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    previous = os.umask(0o077)
    try:
        write_atomic(tmp_path / "key", b"secret", mode=mode)
    finally:
        os.umask(previous)
    assert (tmp_path / "key").stat().st_mode & 0o777 == mode


def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "note.json"
    write_atomic(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["note.json"]


def test_a_reader_sees_the_old_or_the_new_bytes(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write_atomic(path, b"a" * 100_000)
    with path.open("rb") as before:
        write_atomic(path, b"b" * 100_000)
        assert set(before.read()) == {ord("a")}
    assert set(path.read_bytes()) == {ord("b")}


def test_a_missing_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "missing" / "note", b"")
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "missing")
