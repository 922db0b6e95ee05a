"""One file with all that an installation knows, made beside a server at work; behind ``nagare backup`` and the task ``backup``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from nagare import __version__
from nagare.config.places import Places
from nagare.config.settings import RecordsSettings
from nagare.lib.archive import Manifest, Progress, write_archive
from nagare.lib.clock import SystemClock
from nagare.lib.database_copy import copied, make_single
from nagare.lib.scratch import scratch
from nagare.metrics.backup import gather_store
from nagare.records.dump import opened, write_dump

# Links and copies, whose originals stand elsewhere.
SCRATCH = "backup"


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up."""

    places: Places
    records: RecordsSettings
    has_bucket: bool = False
    # Streams in NATS are backed up by NATS.
    has_bus_servers: bool = False


def write_backup(
    source: Source, file: Path, progress: Progress, owner: AbstractContextManager[int | None] | None = None
) -> Manifest:
    """Write ``file``: whole and durable, or not at all. ``owner`` gives the pid of the server that runs, None: nobody serves.

    Without it a server is known to run. Raises StorageError, sqlite3.Error, OSError.
    """
    with scratch(source.places.data, SCRATCH) as folder:
        facts = {"nagare": __version__, "made_ms": SystemClock().now_ms(), "data": str(source.places.data)}
        return write_archive(file, _files(source, folder, owner or nullcontext(0)), facts, progress)


def _files(source: Source, folder: Path, owner: AbstractContextManager[int | None]) -> Iterator[tuple[str, Path]]:
    places = source.places
    with ExitStack() as stack:
        is_live = stack.enter_context(owner) is not None
        if source.records.url:
            yield from _dump(source, folder / "records")
        elif places.records.exists():
            yield "records.db", _copy(stack, places.records, folder, is_live=is_live)
        # After the records: what a message tells of then stands in them, and a row without its message is published again.
        if not source.has_bus_servers and places.bus.exists():
            yield "bus.db", _copy(stack, places.bus, folder, is_live=is_live)
        for key in sorted(path for path in places.keys.rglob("*") if path.is_file()):
            yield f"keys/{key.relative_to(places.keys)}", key
        yield from gather_store(places, folder, has_bucket=source.has_bucket)


def _copy(stack: ExitStack, file: Path, folder: Path, *, is_live: bool) -> Path:
    copy = stack.enter_context(copied(file, is_live=is_live, scratch=folder))
    make_single(copy)
    return copy


def _dump(source: Source, folder: Path) -> Iterator[tuple[str, Path]]:
    folder.mkdir(mode=0o700)
    with opened(source.places.records, source.records) as connection:
        files = write_dump(connection, folder)
    yield from ((f"records/{file.name}", file) for file in files)
