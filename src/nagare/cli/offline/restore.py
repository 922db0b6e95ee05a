"""``nagare restore``: brings an installation back from a backup, checked before anything is replaced."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD
from nagare.config.places import Places
from nagare.errors import ConflictError, InputError, LockedError, NotFoundError, StorageError
from nagare.lib.archive import BadArchiveError, Manifest, Progress, check_archive, extract_archive, read_manifest
from nagare.lib.clock import SystemClock
from nagare.lib.units import format_bytes

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `nagare backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Read every byte of it and change nothing.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of what is there, which is kept beside it.")
    ] = False,
) -> None:
    """Bring an installation back from a backup.

    Every file is compared with its checksum before anything is replaced, a running server is never touched, and what was
    in the data directory is kept beside it. Hosts go on with their tokens; rows that came after the backup are gone
    unless the agents still have them. Records go to where records.url says, from whichever database they come.

    Examples:
      nagare restore /backup/nagare.tar --check
      nagare restore /backup/nagare.tar --data /var/lib/nagare --replace
    """
    invocation = invocation_of(context)
    try:
        if check:
            _check(invocation, file)
            return
        _restore(invocation, file, may_replace=replace)
    except BadArchiveError as error:
        raise InputError(f"cannot restore {file}: {error}", hint="nothing was changed; use another backup") from error
    except FileNotFoundError as error:
        raise NotFoundError(f"cannot restore {file}: no such file") from error
    except OSError as error:
        raise StorageError(
            f"cannot restore {file}: {(error.strerror or str(error)).lower()}", hint="what was there is as it was"
        ) from error


def _check(invocation: Invocation, file: Path) -> None:
    manifest = read_manifest(file)
    with closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:
        bad = check_archive(file, _progress(line, manifest))
    if invocation.format is not OutputFormat.TABLE:
        write_rows(invocation, Rows(("file", "fault"), [(name, "holds other bytes than were written") for name in bad]))
    else:
        for name in bad:
            typer.echo(f"bad   {name}: holds other bytes than were written")
    if not invocation.is_quiet:
        verdict = f"{len(bad)} damaged" if bad else "all as they were written"
        note(f"nagare: {len(manifest.files)} files of {_made(manifest)}: {verdict}")
    if bad:
        raise typer.Exit(BAD)


def _restore(invocation: Invocation, file: Path, *, may_replace: bool) -> None:
    from nagare.automation.upkeep.restored import settle_work
    from nagare.records.settle import settle_records

    data = invocation.settings.data
    manifest = read_manifest(file)
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh = data.with_name(f".{data.name}.restoring")
    is_taken = data.is_dir() and any(data.iterdir())
    if is_taken and not may_replace:
        raise ConflictError(
            f"cannot restore into {data}: it is not empty", hint="add --replace: what is there is kept beside it"
        )
    with _nobody_serves(Places(data)):
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        try:
            with closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:
                extract_archive(file, fresh, _progress(line, manifest))
            settle_records(invocation.settings, Places(data), Places(fresh), may_replace=may_replace)
            lost = settle_work(Places(fresh).records, invocation.settings.records, SystemClock().now_ms())
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        kept = _swap(data, fresh)
    if not invocation.is_quiet:
        note(f"nagare: {data} is as it was at {_made(manifest)}")
        if lost:
            note(f"nagare: tasks that waited or ran then may have been done since; these are lost: {lost}")
        if kept is not None:
            note(f"nagare: what was there is kept as {kept}; remove it when all is well")


def _swap(data: Path, fresh: Path) -> Path | None:
    """Put ``fresh`` in the place of ``data``; return where that is kept. A crash between leaves both, under these names."""
    kept = None
    if data.exists():
        stamp = SystemClock().now().strftime("%Y%m%dT%H%M%S")
        kept = data.with_name(f"{data.name}.before-{stamp}")
        data.rename(kept)
    fresh.rename(data)
    descriptor = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return kept


@contextmanager
def _nobody_serves(places: Places) -> Iterator[None]:
    """Hold the installation's lock, if it has one. Raises LockedError while a server runs."""
    try:
        descriptor = os.open(places.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise LockedError(
                f"cannot restore into {places.data}: a server runs on it (pid {pid or 'unknown'})",
                hint="stop it first",
                context={"pid": pid},
            ) from error
        yield
    finally:
        os.close(descriptor)


def _progress(line: ProgressLine, manifest: Manifest) -> Progress:
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        line.show(f"{format_bytes(done)} of {format_bytes(manifest.total_bytes)} read")

    return progress


def _made(manifest: Manifest) -> str:
    return datetime.fromtimestamp(manifest.facts.get("made_ms", 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
