"""The bus: do the NATS servers let us in, or does ``bus.db`` read back. Nothing is written."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nagare.cli.offline.checks.verdict import Check, bad, ok
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.config.settings import BusSettings, Settings
from nagare.errors import NagareError
from nagare.lib.clock import SystemClock

# A dead server must not hold the report up.
_DEADLINE_SECONDS = 5.0


def check_bus(settings: Settings) -> Iterator[Check]:
    """Look at the bus in NATS, also under a server; at the file only while no server runs, which knows better."""
    if settings.bus.servers:
        yield _check_servers(settings.bus)
        return
    places = Places(settings.data)
    if not places.bus.exists():
        return
    with shared(places.lock) as owner:
        if owner is None:
            yield _check_file(places.bus)


def _check_servers(settings: BusSettings) -> Check:
    from nagare.bus.choice import check_servers

    bounded = dataclasses.replace(
        settings,
        connect_seconds=min(settings.connect_seconds, _DEADLINE_SECONDS),
        request_seconds=min(settings.request_seconds, _DEADLINE_SECONDS),
    )
    try:
        asyncio.run(check_servers(bounded, SystemClock()))
    except NagareError as error:
        return bad("bus", error.message, error.hint or "start the NATS servers, or correct [bus]")
    return ok("bus", f"JetStream answers at {', '.join(settings.servers)}")


def _check_file(file: Path) -> Check:
    from nagare.lib.database_copy import copied, find_database_fault

    try:
        # Of a copy, into which what a crash left beside the file is played: it belongs to it.
        with copied(file, is_live=False) as copy:
            found = find_database_fault(copy)
    except (OSError, sqlite3.Error) as error:
        found = str(error)
    if not found:
        return ok("bus", "its streams read back")
    mend = "move it away: the server makes a new one, and tasks that wait are published again from the records"
    return bad("bus", f"cannot read {file}: {found}", mend)
