"""What a worker is told of its installation, as the rooms below take it; and how the server says it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from nagare.config.places import Places
from nagare.config.settings import QuerySettings, RecordsSettings, Settings
from nagare.wire.worker import Installation

# What each thread of DuckDB takes at rest counts in a worker's memory, which the kernel bounds: of 64 it is 600 MB.
_THREADS_LIMIT = 4


def installation_of(settings: Settings) -> Installation:
    """Return what workers of an installation with ``settings`` are told."""
    password, directory = settings.records.password_file, settings.tasks.backup_directory
    return Installation(
        data=str(settings.data.absolute()),
        records_url=settings.records.url,
        records_password_file="" if password is None else str(password.absolute()),
        has_bucket=settings.bucket.is_set,
        has_bus_servers=bool(settings.bus.servers),
        query=dataclasses.asdict(settings.query),
        backup_directory="" if directory is None else str(directory.absolute()),
        export_limit_bytes=settings.tasks.export_limit_bytes,
        export_seconds=settings.tasks.export_seconds,
    )


def places_of(installation: Installation) -> Places:
    """Return where its files are."""
    return Places(Path(installation.data))


def records_of(installation: Installation) -> RecordsSettings:
    """Return where its records are."""
    password = installation.records_password_file
    return RecordsSettings(installation.records_url, Path(password) if password else None)


def query_of(installation: Installation) -> QuerySettings:
    """Return the bounds of its queries, with no more threads than a worker's memory holds."""
    told = {name: int(value) for name, value in installation.query.items() if name != "deadline_seconds"}
    told["threads"] = min(told["threads"], _THREADS_LIMIT)
    return QuerySettings(installation.query["deadline_seconds"], **told)
