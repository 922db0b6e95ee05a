"""Which commit is checked out where pages are read from: told by git's own files, and by no program of a foreign checkout.

A checkout can name programs that git would run; so git is never run here. What is read of these files is a commit's hash,
or nothing. Blocking, and small.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"ref: (refs/[\w/-][\w./-]{0,250})")
_SMALL = 4096
_PACKED_LIMIT = 16 * 2**20
_PARENTS = 64
# A pipe is opened without waiting for who writes it.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def find_commit(directory: Path) -> str:
    """Return the hash of the commit whose checkout ``directory`` is, or lies in; nothing where there is none."""
    for folder in (directory, *list(directory.parents)[:_PARENTS]):
        git = folder / ".git"
        try:
            if git.is_dir():
                return _commit(git)
            if git.is_file():
                # A worktree, or a submodule: its own folder is elsewhere.
                return _commit(folder / _read(git).removeprefix("gitdir:").strip())
        except (OSError, ValueError):
            return ""
    return ""


def _commit(git: Path) -> str:
    head = _read(git / "HEAD").strip()
    if _HASH.fullmatch(head):
        return head
    ref = _REF.fullmatch(head)
    if ref is None or ".." in ref[1]:
        return ""
    common = git / _read(git / "commondir").strip() if (git / "commondir").is_file() else git
    return next((text for text in _refs(git, common, ref[1]) if _HASH.fullmatch(text)), "")


def _refs(git: Path, common: Path, ref: str) -> Iterator[str]:
    for folder in (git, common):
        if (folder / ref).is_file():
            yield _read(folder / ref).strip()
    packed = common / "packed-refs"
    if packed.is_file():
        for line in _read(packed, _PACKED_LIMIT).splitlines():
            digest, _, name = line.partition(" ")
            if name == ref:
                yield digest


def _read(path: Path, limit: int = _SMALL) -> str:
    """Return the beginning of a plain file; nothing of anything else."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return ""
        return file.read(limit).decode("utf-8", "replace")
