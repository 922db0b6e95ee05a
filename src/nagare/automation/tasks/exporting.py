"""The kind ``query``: what a SELECT answers, written to a file of the exports; the oldest of those make room.

The server writes it itself, for the newest rows are in its memory alone: on a thread, by the engine that answers queries,
which hands pieces of columns from its readers to the file. No row becomes an object of ours, and no worker is asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nagare.automation.upkeep.exports import SCRATCH, prune
from nagare.config.places import Places
from nagare.errors import StorageError
from nagare.lib.atomic_file import sync_directory
from nagare.lib.clock import SystemClock
from nagare.lib.scratch import Scratch
from nagare.lib.units import format_bytes
from nagare.model.export import ExportTarget
from nagare.model.principal import Principal
from nagare.model.task import Task
from nagare.wire.sql import SqlReply, SqlRequest
from nagare.wire.tasks import QueryArguments
from nagare.wire.worker import Finished, Installation


class Exporter(Protocol):
    """What an export needs of the server."""

    @property
    def installation(self) -> Installation:
        """Where its files are, and their bounds."""
        ...

    async def export(self, principal: Principal, request: SqlRequest, target: ExportTarget) -> SqlReply:
        """Write what that caller sees of the answer to a file; the reply's one row is the number of rows."""
        ...


async def write_export(
    book: Exporter, principal: Principal, task: Task, asked: QueryArguments, report: Callable[[float | None, str], None]
) -> Finished:
    """Write the file of ``task`` with the rights of ``principal``. Raises what a query raises, LimitExceededError, StorageError."""
    installation = book.installation
    exports = Places(Path(installation.data)).exports
    name, folder = f"{task.id}.{asked.format}", Scratch(exports, SCRATCH)
    report(None, "reading")
    try:
        target = ExportTarget(
            await asyncio.to_thread(_make, exports, folder) / name,
            asked.format,
            installation.export_limit_bytes,
            lambda size: report(None, f"{format_bytes(size)} written"),
        )
        request = SqlRequest(asked.sql, asked.params, since_ms=asked.since_ms, until_ms=asked.until_ms)
        reply = await book.export(principal, request, target)
        size = await asyncio.to_thread(_keep, target.file, installation)
    except OSError as error:
        raise StorageError(f"cannot write export {name}: {(error.strerror or str(error)).lower()}") from error
    finally:
        # Also of one that was cancelled: the statement may still end, but nothing of it stays.
        folder.remove()
    rows = int(reply.rows[0][0])
    return Finished({"file": name, "bytes": size, "rows": rows, "truncated": False, "format": asked.format})


def _make(exports: Path, folder: Scratch) -> Path:
    if not exports.is_dir():
        exports.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(exports.parent)
    return folder.make()


def _keep(file: Path, installation: Installation) -> int:
    """Make ``file`` durable under its name among the exports; return its size."""
    exports = file.parent.parent
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    kept = file.rename(exports / file.name)
    # Before it is said to be there.
    sync_directory(exports)
    limit = installation.export_limit_bytes
    prune(exports, installation.export_seconds, limit, SystemClock().now_ms(), keep=kept)
    return size
