"""The files of the installation while no server runs: do catalog, log and records read back. Nothing is written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import NagareError


def check_files(settings: Settings) -> Iterator[Check]:
    """Look into the files; nothing is told under a server, which holds them open and knows better."""
    places = Places(settings.data)
    if not places.data.is_dir():
        return
    directories = (places.run, places.log, places.metrics, places.keys, places.spool)
    for path in directories:
        if path.exists() and not path.is_dir():
            yield bad("files", f"{path} is no directory", f"move {path} away")
    with shared(places.lock) as owner:
        if owner is None:
            yield from _check_metrics(settings, places)
            if not settings.records.url:
                yield from _check_records(places.records)


def _check_metrics(settings: Settings, places: Places) -> Iterator[Check]:
    if not places.log.is_dir() and not places.catalog.exists():
        return
    try:
        damages = asyncio.run(_read_metrics(settings))
    except NagareError as error:
        first = f"move {places.catalog} away and " if places.catalog.exists() else ""
        yield bad("metric files", error.message, f"{first}start the server: it makes the catalog again from the blocks")
        return
    if damages:
        yield warn("metric files", f"{len(damages)} damaged places: {damages[0]}", "what stands around them is whole")
    else:
        yield ok("metric files", "catalog and log read back")


async def _read_metrics(settings: Settings) -> list[str]:
    from nagare.metrics.offline import OfflineStore

    async with OfflineStore(settings) as store:
        return store.damages


def _check_records(file: Path) -> Iterator[Check]:
    if not file.exists():
        return
    try:
        # Immutable: nothing beside the file is made or repaired.
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            found = str(database.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found == "ok":
        yield ok("records", "hosts and tokens read back")
    else:
        mend = "restore it from a backup, or move it away: agents with run/token register again, labels are lost"
        yield bad("records", f"cannot read {file}: {found}", mend)
