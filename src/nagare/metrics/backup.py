"""What a backup holds of the metric store, gathered beside a running server so that it is one consistent state.

The order makes it so. The log is copied first, then the catalog, then the blocks that this catalog lists: rows that went
from the log into blocks meanwhile are in those blocks, and replay steps over their records. A block that went before it
could be linked was merged or dropped: then the catalog is copied again, which is newer and whole by itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nagare.config.places import Places
from nagare.errors import StorageError
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.samples.series_files import SeriesFiles

# A merge takes seconds and a copy less: more often in a row than this is no accident.
_TRIES = 10


def gather_store(places: Places, folder: Path, *, has_bucket: bool) -> Iterator[tuple[str, Path]]:
    """Yield (name in the backup, file) of all that the store needs; files stand in ``folder`` or are links there.

    ``folder`` must be on the same file system. Raises StorageError, OSError.
    """
    yield from _copy_log(places.log, folder)
    if not places.catalog.exists():
        return
    for _ in range(_TRIES):
        copy = folder / "catalog.db"
        catalog = Catalog(places.catalog)
        blocks = catalog.copy_to(copy).blocks
        if (linked := _link(blocks, places, folder, has_bucket=has_bucket)) is not None:
            yield from linked
            yield "catalog.db", copy
            break
    else:
        raise StorageError(
            f"cannot back up {places.data}: blocks that the catalog lists are not there",
            hint="see `nagare doctor --verify`",
        )
    identity = places.metrics / "installation"
    if identity.exists():
        yield "metrics/installation", identity


def _copy_log(log: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    target = folder / "log"
    target.mkdir(mode=0o700)
    # Newest last, and those that a flush drops meanwhile are in blocks.
    for segment in sorted(log.glob("*.seg")):
        try:
            shutil.copyfile(segment, target / segment.name)
        except FileNotFoundError:
            continue
        yield f"log/{segment.name}", target / segment.name


def _link(blocks: list[Block], places: Places, folder: Path, *, has_bucket: bool) -> list[tuple[str, Path]] | None:
    """Link the files of ``blocks`` and of series; None when one went meanwhile."""
    names = [block.path for block in blocks if not has_bucket or (places.metrics / block.path).exists()]
    names += [str(path.relative_to(places.metrics)) for path in SeriesFiles(places.metrics).paths()]
    linked = []
    for name in names:
        target = folder / "metrics" / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not target.exists():
            try:
                os.link(places.metrics / name, target)
            except FileNotFoundError:
                return None
        linked.append((f"metrics/{name}", target))
    return linked
