"""Exports are bounded by age and by bytes: what is too old goes, then the oldest until the rest fits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Of files that are being written.
SCRATCH = "export"
# Longer than an attempt at a query may take: what was not written to for so long has no writer any more.
_UNFINISHED_SECONDS = 2 * 3600.0


def prune(folder: Path, keep_seconds: float, limit_bytes: int, now_ms: int, keep: Path | None = None) -> list[str]:
    """Remove files of ``folder`` beyond their bounds, ``keep`` never; return their names. Raises OSError.

    What others are writing now is left alone and does not count.
    """
    found = sorted(_files(folder))
    total = sum(size for _, size, path in found if not _is_unfinished(path))
    removed = []
    for made, size, path in found:
        age_seconds = now_ms / 1000 - made
        if _is_unfinished(path):
            is_over = age_seconds > _UNFINISHED_SECONDS
        else:
            is_over = path != keep and (age_seconds > keep_seconds or total > limit_bytes)
            total -= size if is_over else 0
        if is_over:
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # who prunes at the same moment was first
            if entry.is_file(follow_symlinks=False):
                yield status.st_mtime, status.st_size, Path(entry.path)


def _is_unfinished(path: Path) -> bool:
    return path.name.startswith(".")
