"""Small files that a person's dashboard keeps on their machine: replaced whole, readable by their owner alone."""

from __future__ import annotations

from pathlib import Path

from nagare.errors import ReadOnlyError
from nagare.lib.atomic_file import write_atomic


def write_kept(file: Path, content: bytes) -> None:
    """Make ``file`` hold ``content``, and its folder where there is none. Blocks. Raises ReadOnlyError."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(file, content, mode=0o600, durable=False)
    except OSError as error:
        cause = (error.strerror or "unwritable").lower()
        raise ReadOnlyError(f"cannot write {file}: {cause}", hint="top.state says where it is kept") from error
