"""The kind ``backup``: a file of the configured directory, named by its moment; older ones go beyond what is to stay."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nagare.automation.upkeep.backup import Source, write_backup
from nagare.automation.upkeep.leftovers import OURS, remove_leftovers
from nagare.automation.workers.main import Talk
from nagare.automation.workers.surroundings import places_of, records_of
from nagare.errors import DiskFullError, StorageError
from nagare.lib.clock import SystemClock
from nagare.lib.units import format_bytes

_STAMP = len("nagare-20260102T030405Z")


def run(arguments: dict[str, Any], talk: Talk) -> dict[str, Any]:
    """Write the backup, remove the oldest ones, and return what was written and removed."""
    installation, done = talk.installation, 0
    directory = Path(installation.backup_directory)
    source = Source(
        places_of(installation), records_of(installation), installation.has_bucket, installation.has_bus_servers
    )

    def progress(count: int) -> None:
        nonlocal done
        done += count
        talk.progress(None, f"{format_bytes(done)} written")

    stamp = datetime.fromtimestamp(talk.made_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    # Named by its task: another attempt writes the same file.
    file = directory / f"nagare-{stamp}-{talk.task_id[:8]}.tar"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # First: their bytes may be those that are needed.
        remove_leftovers(source.places.data, directory, SystemClock().now_ms())
        manifest = write_backup(source, file, progress)
        size = file.stat().st_size
        removed = _remove_oldest(directory, int(arguments.get("keep", 7)), file)
    except (OSError, sqlite3.Error) as error:
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        kind = DiskFullError if "space" in cause else StorageError
        raise kind(f"cannot back up to {directory}: {cause}") from error
    return {"path": str(file), "bytes": size, "files": len(manifest.files), "removed": removed}


def _remove_oldest(directory: Path, keep: int, made: Path) -> list[str]:
    # In the order of their moments, which names tell to the second; the file's own time decides between those of one.
    # One that waited long may be older than what others made meanwhile.
    ours = sorted(
        (path for path in directory.iterdir() if OURS.fullmatch(path.name)),
        key=lambda path: (path.name[:_STAMP], path.stat().st_mtime_ns),
    )
    old = [path for path in ours[:-keep] if path != made]
    for path in old:
        path.unlink(missing_ok=True)
    return [path.name for path in old]
