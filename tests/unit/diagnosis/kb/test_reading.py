"""Directories of pages: what is read, what is told, and what does no harm."""

import os
from pathlib import Path

import pytest

from nagare.diagnosis.kb import reading
from nagare.diagnosis.kb.checkout import find_commit
from nagare.diagnosis.kb.reading import read_directory
from nagare.errors import InputError, LimitExceededError

COMMIT, OTHER = "a" * 40, "b" * 40


def test_markdown_is_read_and_hidden_things_are_not(tmp_path: Path) -> None:
    for name in ("a.md", "deep/er/B.MARKDOWN", "c.txt", ".hidden.md", ".git/d.md", "node_modules/e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# x\r\ny\n")
    found = read_directory(tmp_path)
    assert [page.path for page in found.pages] == ["a.md", "deep/er/B.MARKDOWN"]
    assert found.pages[0].text == "# x\ny\n"
    assert found.skipped == {}


def test_no_link_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.md").write_text("secret")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "key.md").symlink_to(secret / "key.md")
    (pages / "folder").symlink_to(secret)
    (pages / "loop").symlink_to(pages)
    found = read_directory(pages)
    assert found.pages == []
    assert set(found.skipped) == {"key.md", "folder", "loop"}
    assert all("link" in why for why in found.skipped.values())


def test_what_is_no_page_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary.md").write_bytes(b"a\0b")
    (tmp_path / "noise.md").write_bytes(bytes(range(128, 256)) * 10)
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "large.md").write_bytes(b"x" * (reading.PAGE_LIMIT_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "latin.md").write_bytes("Störung im Netz, und zwar heute".encode("latin-1"))
    found = read_directory(tmp_path)
    assert [page.path for page in found.pages] == ["latin.md"]
    assert found.skipped == {
        "binary.md": "binary",
        "noise.md": "no text in UTF-8",
        "empty.md": "empty",
        "large.md": "larger than 1 MiB",
        "pipe.md": "no plain file",
    }


def test_a_directory_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("text")
    for name, limit in (("PAGES_LIMIT", 3), ("TOTAL_LIMIT_BYTES", 15), ("ENTRIES_LIMIT", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(reading, name, limit)
            with pytest.raises(LimitExceededError):
                read_directory(tmp_path)


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_directory(tmp_path / "gone")


def test_the_own_directory_of_the_installation_is_not_entered(tmp_path: Path) -> None:
    for name in ("data/keys/a.md", "pages/b.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("text")
    found = read_directory(tmp_path, tmp_path / "pages" / ".." / "data")
    assert [page.path for page in found.pages] == ["pages/b.md"]
    assert list(found.skipped) == ["data"]


def test_a_link_put_into_the_path_after_it_was_checked_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "pages").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "last").symlink_to(tmp_path / "real" / "pages")
    for place in ("link/pages", "real/last"):
        with pytest.raises(InputError):
            read_directory(tmp_path / place)


def _git(folder: Path, head: str) -> Path:
    git = folder / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text(head)
    return git


def test_the_commit_of_a_checkout(tmp_path: Path) -> None:
    git = _git(tmp_path, "ref: refs/heads/main\n")
    assert find_commit(tmp_path) == ""
    (git / "packed-refs").write_text(f"# pack-refs\n{OTHER} refs/heads/other\n{COMMIT} refs/heads/main\n")
    assert find_commit(tmp_path) == COMMIT
    (git / "refs/heads/main").write_text(f"{OTHER}\n")
    (tmp_path / "docs").mkdir()
    assert find_commit(tmp_path / "docs") == OTHER
    (git / "HEAD").write_text(COMMIT)
    assert find_commit(tmp_path) == COMMIT


def test_the_commit_of_a_worktree(tmp_path: Path) -> None:
    git = _git(tmp_path / "main", "ref: refs/heads/main\n")
    (git / "refs/heads/side").write_text(COMMIT)
    own = git / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / ".git").write_text(f"gitdir: {own}\n")
    assert find_commit(tmp_path / "side") == COMMIT


@pytest.mark.parametrize("head", ["ref: refs/../../secret\n", "ref: /etc/passwd\n", "secret", "\0", ""])
def test_nothing_but_a_hash_is_told(tmp_path: Path, head: str) -> None:
    _git(tmp_path, head)
    (tmp_path / "secret").write_text("not for you")
    assert find_commit(tmp_path) == ""


@pytest.mark.parametrize("name", ["HEAD", "refs/heads/main", "commondir", "packed-refs"])
def test_a_pipe_in_a_checkout_is_not_waited_for(tmp_path: Path, name: str) -> None:
    git = _git(tmp_path, "ref: refs/heads/main\n")
    (git / name).unlink(missing_ok=True)
    os.mkfifo(git / name)
    assert find_commit(tmp_path) == ""
