import os
from pathlib import Path

import pytest

from nagare.errors import PermissionDeniedError
from nagare.lib.trusted_file import read_trusted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    (folder / "policy").write_bytes(b"x = 1\n")
    (folder / "policy").chmod(0o644)
    return folder / "policy"


def test_a_file_that_only_its_owner_writes_is_read(path: Path) -> None:
    assert read_trusted(path, 100) == b"x = 1\n"


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_not_believed(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(PermissionDeniedError, match=f"others may write it .mode {mode:04o}") as raised:
        read_trusted(path, 100)
    assert raised.value.hint == f"chmod go-w {path}"


def test_a_folder_that_others_may_write_is_not_believed(path: Path) -> None:
    path.parent.chmod(0o777)
    with pytest.raises(PermissionDeniedError, match="others may write into it"):
        read_trusted(path, 100)
    path.parent.chmod(0o1777)
    assert read_trusted(path, 100)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_believed(path: Path) -> None:
    os.chown(path, 65534, 0)
    with pytest.raises(PermissionDeniedError, match="belongs to user 65534"):
        read_trusted(path, 100)
    os.chown(path, 0, 0)
    os.chown(path.parent, 65534, 0)
    with pytest.raises(PermissionDeniedError, match="belongs to user 65534"):
        read_trusted(path, 100)


def test_a_link_is_followed_to_what_it_names(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_trusted(link, 100) == b"x = 1\n"
    path.parent.chmod(0o777)
    with pytest.raises(PermissionDeniedError):
        read_trusted(link, 100)


def test_what_is_no_file_or_too_long_is_refused(path: Path) -> None:
    with pytest.raises(PermissionDeniedError, match="longer than 3 bytes"):
        read_trusted(path, 3)
    os.mkfifo(path.parent / "fifo", 0o600)
    with pytest.raises(PermissionDeniedError, match="no plain file"):
        read_trusted(path.parent / "fifo", 100)
