"""``nagare backup``: one file with all that this installation knows, made while the server runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import write_document
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.errors import DiskFullError, NotFoundError, StorageError
from nagare.lib.archive import Manifest
from nagare.lib.units import format_bytes

app = typer.Typer(add_completion=False)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; replaced whole.")],
) -> None:
    """Write records, bus, keys, catalog, blocks and the log into one tar file, also while the server runs.

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
    from nagare.automation.upkeep.backup import Source, write_backup

    settings, done = invocation.settings, 0
    source = Source(places, settings.records, settings.bucket.is_set, bool(settings.bus.servers))
    with closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:

        def progress(count: int) -> None:
            nonlocal done
            done += count
            line.show(f"{format_bytes(done)} written")

        return write_backup(source, file, progress, shared(places.lock))


def _tell(invocation: Invocation, file: Path, manifest: Manifest) -> None:
    blocks = sum(name.startswith("metrics/") and name.endswith(".parquet") for name in manifest.files)
    if invocation.format is not OutputFormat.TABLE:
        size = file.stat().st_size
        write_document({"file": str(file), "bytes": size, "files": len(manifest.files), "blocks": blocks})
    if not invocation.is_quiet:
        note(f"nagare: {len(manifest.files)} files, {format_bytes(manifest.total_bytes)}, are in {file}")
