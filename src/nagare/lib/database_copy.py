"""A copy of an SQLite database to look into, so that looking repairs, locks and creates nothing beside the original."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nagare.lib.scratch import scratch as scratch_folder

_NAME = "nagare-copy"
# What a crash left half done stands beside the file and is played back into the copy.
_BESIDE = ("", "-journal", "-wal")


@contextmanager
def copied(path: Path, *, is_live: bool, scratch: Path | None = None) -> Iterator[Path]:
    """Yield the path of a copy; it goes when the block ends. ``is_live`` tells that a process writes the original.

    It stands in ``scratch``, or where the system keeps what is temporary; what killed programs left there goes first. Raises
    OSError or sqlite3.Error.
    """
    with scratch_folder(scratch or Path(tempfile.gettempdir()), _NAME) as folder:
        copy = folder / path.name
        if is_live:
            # Under SQLite's own lock: a moment in which the writer waits.
            with (
                closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        else:
            for suffix in _BESIDE:
                source_path = path.with_name(path.name + suffix)
                if source_path.exists():
                    shutil.copyfile(source_path, copy.with_name(copy.name + suffix))
        yield copy


def make_single(copy: Path) -> None:
    """Play into ``copy`` itself what a crash left beside it, so that the one file is all. Raises sqlite3.Error."""
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA journal_mode=DELETE")


def find_database_fault(copy: Path) -> str:
    """Read every page of ``copy``; return the first thing that is wrong, or nothing."""
    try:
        with closing(sqlite3.connect(copy)) as database:
            found = str(database.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else " ".join(found.split())
