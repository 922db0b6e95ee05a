"""The server about itself: greeting, health, readiness and status."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime

from nagare.errors import NagareError, NotReadyError
from nagare.fleet.views import format_time
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.running.cost import cpu_seconds, memory_bytes
from nagare.server.services import Services
from nagare.wire.system import Greeting, Health, Status

_RECORDS_SECONDS = 2.0


async def greet(call: Call) -> Greeting:
    """Say what this is; needs no credentials and tells nothing secret."""
    return Greeting(
        name="nagare",
        version=call.services.version,
        text="This is a Nagare server. See it in a terminal with: nagare top --server URL",
        links={"health": "/health", "ready": "/ready", "api": "/api/v1/openapi.json"},
    )


async def health(call: Call) -> Health:
    """Tell whether the process answers; details need credentials."""
    return Health(status=short_health(call.services).status, version=call.services.version)


async def health_details(call: Call) -> Health:
    """Tell which part is not well, and why."""
    found = short_health(call.services)
    checks = {**found.checks, "bus": (await call.services.bus_view.status()).fault or "ok"}
    if fault := await _find_records_fault(call.services):
        return Health(status="degraded", version=found.version, checks={**checks, "records": fault})
    is_well = found.status == "ok" and checks["bus"] == "ok"
    return Health(status="ok" if is_well else "degraded", version=found.version, checks={**checks, "records": "ok"})


async def ready(call: Call) -> Health:
    """Answer 200 while samples can be taken; tell when records are away meanwhile. Raises NotReadyError."""
    if not call.services.store.status().is_writable:
        raise NotReadyError("cannot take samples: the store is not writable", retry_after_seconds=10.0)
    if await _find_records_fault(call.services):
        # Not 503: what hosts send is taken, and a balancer must not turn it away.
        return Health(status="degraded", version=call.services.version, checks={"records": "away"})
    return Health(status="ok", version=call.services.version)


async def status(call: Call) -> Status:
    """Return the server in numbers."""
    services = call.services
    return Status(
        version=services.version,
        pid=os.getpid(),
        started_at=format_time(datetime.fromtimestamp(services.started_ms / 1000, UTC)),
        uptime_seconds=services.clock.monotonic() - services.started,
        listen=services.settings.server.listen,
        data=str(services.settings.data),
        hosts=services.fleet.count_by_state(),
        store=services.store.status(),
        connections=len(services.hub),
        frames_dropped_total=int(services.hub.counters.get("frames_dropped")),
        cpu_seconds_total=cpu_seconds(),
        memory_bytes=memory_bytes(),
        statsd=services.statsd.address,
        bus=await services.bus_view.status(),
    )


async def _find_records_fault(services: Services) -> str:
    try:
        async with asyncio.timeout(_RECORDS_SECONDS):
            await services.records.ping()
    except NagareError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {_RECORDS_SECONDS:g} s"
    return ""


def short_health(services: Services) -> Health:
    """Return what the process itself knows of how it does; nothing is waited for."""
    store = services.store.status()
    checks = {"store": "ok", "damages": "none"}
    if not store.is_writable:
        checks["store"] = f"not writable: {store.disk_free_bytes} bytes are free"
    if store.damages:
        checks["damages"] = f"{len(store.damages)} found: {store.damages[0]}"
    worry = "" if services.certificate is None else services.certificate.worry(services.clock.now())
    if services.certificate is not None:
        checks["certificate"] = worry or "ok"
    if services.settings.limits.redis_url:
        checks["limits"] = services.rates.where
    is_well = store.is_writable and not store.damages and not worry and not services.rates.is_away
    return Health(status="ok" if is_well else "degraded", version=services.version, checks=checks)


ROUTES = (
    Route("GET", "/", greet, "What this is", None, reply=Greeting),
    Route("GET", "/health", health, "Whether the process answers", None, reply=Health),
    Route("GET", "/ready", ready, "Whether samples can be taken", None, reply=Health),
    Route("GET", "/api/v1/health", health_details, "Which part is not well", Permission.SYSTEM_READ, reply=Health),
    Route("GET", "/api/v1/status", status, "The server in numbers", Permission.SYSTEM_READ, reply=Status),
)
