"""The data directory: closed when it is ours, left alone when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nagare.config.places import Places
from nagare.errors import ConfigError, ReadOnlyError
from nagare.server.running.directories import make_directories


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_missing_one_is_made_for_its_owner_only(tmp_path: Path) -> None:
    make_directories(Places(tmp_path / "a" / "b"))
    assert mode(tmp_path / "a" / "b") == mode(tmp_path / "a" / "b" / "run") == 0o700


@pytest.mark.parametrize("inside", ["", "lost+found", "run", "spool"])
def test_an_open_one_that_is_ours_or_empty_is_closed(tmp_path: Path, inside: str) -> None:
    data = tmp_path / "data"
    (data / inside).mkdir(parents=True)
    data.chmod(0o777)
    make_directories(Places(data))
    assert mode(data) == 0o700


def test_one_that_holds_other_things_is_never_closed(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    tmp_path.chmod(0o755)
    make_directories(Places(tmp_path))
    assert mode(tmp_path) == 0o755


def test_one_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigError, match="other users may write"):
        make_directories(Places(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_what_is_no_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ReadOnlyError, match=r"cannot use data directory .*file: it is no directory"):
        make_directories(Places(file))
    (tmp_path / "run").write_text("")
    with pytest.raises(ReadOnlyError, match=r"cannot use directory .*run: it is no directory"):
        make_directories(Places(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ReadOnlyError, match=r"cannot use data directory .*link: it is no directory"):
        make_directories(Places(tmp_path / "link"))
