"""``nagare backup``: one file with all that this installation knows, made while the server runs."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from nagare import __version__
from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import write_document
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import DiskFullError, NotFoundError, StorageError
from nagare.lib.archive import Manifest, write_archive
from nagare.lib.clock import SystemClock
from nagare.lib.database_copy import copied, make_single
from nagare.lib.units import format_bytes

app = typer.Typer(add_completion=False)
# Of an interrupted backup; links and copies, whose originals stand elsewhere.
_SCRATCH = ".backup-"


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; replaced whole.")],
) -> None:
    """Write records, keys, catalog, blocks and the log into one tar file, also while the server runs.

    It holds every row that was acknowledged before the command began, the keys and the digests of tokens: keep it as you
    keep the keys. Blocks that are in the bucket alone stay there.

    Examples:
      nagare backup /backup/nagare.tar
      nagare restore /backup/nagare.tar --check
    """
    invocation = invocation_of(context)
    settings = invocation.settings
    places = Places(settings.data)
    if not places.data.is_dir():
        raise NotFoundError(f"cannot back up {places.data}: there is no installation", hint="begin one with: nagare up")
    try:
        manifest = _write(invocation, places, file)
    except sqlite3.Error as error:
        raise StorageError(f"cannot back up {places.data}: {error}", hint="see `nagare doctor --verify`") from error
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        kind = DiskFullError if "space" in cause else StorageError
        raise kind(f"cannot back up {places.data} to {file}: {cause}", hint="nothing was left behind") from error
    _tell(invocation, file, manifest)


def _write(invocation: Invocation, places: Places, file: Path) -> Manifest:
    for left in places.data.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    with (
        closing(ProgressLine(is_quiet=invocation.is_quiet)) as line,
        tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=places.data) as scratch,
    ):
        done = 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            line.show(f"{format_bytes(done)} written")

        facts = {"nagare": __version__, "made_ms": SystemClock().now_ms(), "data": str(places.data)}
        return write_archive(file, _files(invocation.settings, places, Path(scratch)), facts, progress)


def _files(settings: Settings, places: Places, scratch: Path) -> Iterator[tuple[str, Path]]:
    from nagare.metrics.backup import gather_store

    with ExitStack() as stack:
        owner = stack.enter_context(shared(places.lock))
        if settings.records.url:
            yield from _dump(settings, places, scratch / "records")
        elif places.records.exists():
            copy = stack.enter_context(copied(places.records, is_live=owner is not None))
            make_single(copy)
            yield "records.db", copy
        for key in sorted(path for path in places.keys.rglob("*") if path.is_file()):
            yield f"keys/{key.relative_to(places.keys)}", key
        yield from gather_store(places, scratch, has_bucket=settings.bucket.is_set)


def _dump(settings: Settings, places: Places, folder: Path) -> Iterator[tuple[str, Path]]:
    from nagare.records.dump import opened, write_dump

    folder.mkdir(mode=0o700)
    with opened(places.records, settings.records) as connection:
        files = write_dump(connection, folder)
    yield from ((f"records/{file.name}", file) for file in files)


def _tell(invocation: Invocation, file: Path, manifest: Manifest) -> None:
    blocks = sum(name.startswith("metrics/") and name.endswith(".parquet") for name in manifest.files)
    if invocation.format is not OutputFormat.TABLE:
        size = file.stat().st_size
        write_document({"file": str(file), "bytes": size, "files": len(manifest.files), "blocks": blocks})
    if not invocation.is_quiet:
        note(f"nagare: {len(manifest.files)} files, {format_bytes(manifest.total_bytes)}, are in {file}")
