"""Where private keys stand: folders of mode 0700, files of mode 0600, each written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from nagare.lib.atomic_file import write_atomic


def make_private_directory(directory: Path) -> None:
    """Make ``directory`` for its owner only; an existing one is closed to others."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o077:
        directory.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Replace ``path`` with ``content``, readable by its owner only, durable when this returns."""
    write_atomic(path, content, mode=0o600)
