"""The running installation: does the server answer, is the token good, does this host report, is its clock right."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator
from typing import Any

from nagare import __version__
from nagare.cli.offline.checks.commands import command_checks
from nagare.cli.offline.checks.updates import update_checks
from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.client.client import Client
from nagare.client.target import find_target
from nagare.config.settings import Settings
from nagare.errors import (
    ConfigError,
    ConnectFailedError,
    NagareError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from nagare.lib.clock import SystemClock
from nagare.lib.units import format_bytes, format_seconds
from nagare.model.host import DOWN_INTERVALS, STALE_INTERVALS
from nagare.wire.system import BucketStatus, BusStatus, Status

# A dead server must not hold the report up.
_DEADLINE_SECONDS = 5.0
_CLOCK_BAD_SECONDS = 5.0
_NEWEST = (
    "select epoch_ms(max(ts)) as newest, last(clock_synchronized order by ts) as synchronized, "
    "last(clock_offset_seconds order by ts) as offset_seconds from load where host = $host"
)


def check_service(settings: Settings) -> list[Check]:
    """Return what the running server says; nothing when none runs here, which is no fault of its own."""

    async def collect() -> list[Check]:
        return [check async for check in _checks(settings)]

    return asyncio.run(collect())


async def _checks(settings: Settings) -> AsyncIterator[Check]:
    try:
        target = find_target(settings)
    except ConnectFailedError as error:
        if settings.client.server:
            yield bad("server", error.message, error.hint)
        return
    except NagareError as error:
        yield bad("token", error.message, error.hint)
        return
    try:
        async with Client(target, deadline_seconds=_DEADLINE_SECONDS) as client:
            async for check in _ask(client, settings):
                yield check
    except (UnauthenticatedError, PermissionDeniedError) as error:
        yield bad("token", error.message, _mend_token(settings))
    except ConfigError as error:
        yield bad("configuration", error.message, error.hint or "correct what is set in client")
    except NagareError as error:
        yield bad("server", error.message, error.hint or "look at its log")


async def _ask(client: Client, settings: Settings) -> AsyncIterator[Check]:
    health = await client.health()
    yield _health_check(client.target.url, health.status, health.checks)
    if health.version != __version__:
        yield warn("server version", f"{health.version}, this command is {__version__}", "restart the server")
    status = await client.status()
    yield ok("token", "accepted")
    yield _store_check(status)
    if status.store.bucket is not None:
        yield _bucket_check(status.store.bucket)
    if status.bus is not None:
        yield _bus_check(status.bus)
    now_ms = SystemClock().now_ms()
    for check in [
        *await _target_checks(client),
        *await update_checks(client, now_ms),
        *await command_checks(client, now_ms),
    ]:
        yield check
    async for check in _host_checks(client, settings):
        yield check


def _mend_token(settings: Settings) -> str:
    if settings.client.server or settings.client.token_file:
        return "set client.token_file to a file with a token of this server"
    return f"restart the server: it writes {settings.data / 'run' / 'token'} anew"


def _health_check(url: str, status: str, parts: dict[str, str]) -> Check:
    if status == "ok":
        return ok("server", f"{url} is ready")
    text = "; ".join(f"{name}: {reason}" for name, reason in parts.items() if reason != "ok") or "no reason given"
    return bad("server", f"{url} is {status}: {text}", "look at its log")


def _store_check(status: Status) -> Check:
    store = status.store
    seen = (
        f"{store.rows_total} rows taken, log {format_bytes(store.log_bytes)}, blocks {format_bytes(store.block_bytes)}"
    )
    if not store.is_writable:
        return bad("store", f"refuses to write; {format_bytes(store.disk_free_bytes)} free", "make room on the disk")
    if store.damages:
        return warn("store", f"{len(store.damages)} damaged places: {store.damages[0]}", "restore them from a backup")
    return ok("store", seen)


def _bucket_check(bucket: BucketStatus) -> Check:
    seen = f"{bucket.name}: {bucket.objects} objects, {format_bytes(bucket.pending_bytes)} wait to be sent"
    if bucket.fault:
        return bad(
            "bucket", f"{seen}; {bucket.fault}", "blocks stay here until it answers; see docs/how-to/blocks-on-s3.md"
        )
    return ok("bucket", seen)


def _bus_check(bus: BusStatus) -> Check:
    if bus.fault:
        return bad("server's bus", bus.fault, "tasks wait until it answers; see docs/explanation/bus.md")
    late = ", ".join(f"{lag.waiting} wait for {lag.consumer}" for lag in bus.consumers if lag.waiting)
    return ok("server's bus", f"{bus.kind}, {late or 'nothing waits'}")


async def _target_checks(client: Client) -> list[Check]:
    try:
        targets = await client.targets()
    except NotFoundError:
        # A server from before there were any.
        return []
    down = [target for target in targets if target.state == "down"]
    if down:
        seen = f"{len(down)} of {len(targets)} scrape targets are down: {down[0].instance}: {down[0].error}"
        return [warn("targets", seen, "nagare targets --down tells of each")]
    return [ok("targets", f"{len(targets)} scrape targets, none down")] if targets else []


async def _host_checks(client: Client, settings: Settings) -> AsyncIterator[Check]:
    name = settings.agent.name or platform.node()
    try:
        host = await client.host(name)
        newest, synchronized, offset = await _newest(client, host.name)
    except NotFoundError:
        yield warn("agent", f"host {name} is not registered", "start the agent: nagare agent, or nagare up")
        return
    except NagareError as error:
        yield bad("agent", error.message, error.hint)
        return
    yield _age_check(name, newest, host.interval_seconds)
    for check in _clock_checks(synchronized, offset):
        yield check


async def _newest(client: Client, name: str) -> tuple[int | None, bool | None, float | None]:
    rows: list[list[Any]] = (await client.sql(_NEWEST, {"host": name}, since_ms=_day_ago())).rows
    newest, synchronized, offset = rows[0] if rows else (None, None, None)
    return newest, synchronized, offset


def _day_ago() -> int:
    return SystemClock().now_ms() - 86_400_000


def _age_check(name: str, newest: int | None, interval_seconds: float) -> Check:
    if newest is None:
        return bad("agent", f"no sample of {name} within a day", "start the agent: nagare agent, or look at its log")
    age = (SystemClock().now_ms() - newest) / 1000
    seen = f"newest sample of {name} is {format_seconds(max(0.0, age))} old"
    if age > DOWN_INTERVALS * interval_seconds:
        return bad("agent", seen, "start the agent: nagare agent, or look at its log")
    if age > STALE_INTERVALS * interval_seconds:
        return warn("agent", seen, "the agent is late; look at its log")
    return ok("agent", seen)


def _clock_checks(synchronized: bool | None, offset: float | None) -> list[Check]:
    if offset is not None and abs(offset) > _CLOCK_BAD_SECONDS:
        return [bad("clock", f"off by {format_seconds(offset)}", "start a time service such as chrony")]
    if synchronized is False:
        return [warn("clock", "the kernel does not hold it for synchronized", "start a time service such as chrony")]
    return [ok("clock", "synchronized" if synchronized else "no sign of a fault")]
