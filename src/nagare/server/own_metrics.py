"""The server's own numbers, gathered once and told in two forms: Prometheus text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nagare.lib.counters import Counters
from nagare.server.running.cost import cpu_seconds, memory_bytes
from nagare.server.services import Services
from nagare.wire.system import BucketStatus, MetricValue, StoreStatus


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose counters become ``nagare_<prefix>_<name>_total``."""

    prefix: str
    counters: Counters


def gather(services: Services) -> list[MetricValue]:
    """Return every number, in a stable order."""
    return [
        *_gauges(services),
        *_certificates(services),
        *_hosts(services),
        *_store(services),
        *_sources(services),
        *_counters(services),
    ]


def _gauges(services: Services) -> Iterator[MetricValue]:
    yield _gauge("nagare_build_info", "version of the server", 1, version=services.version)
    uptime = services.clock.monotonic() - services.started
    yield _gauge("nagare_uptime_seconds", "time since the server listens", uptime)
    yield MetricValue("nagare_cpu_seconds_total", "counter", "CPU seconds of the process", cpu_seconds())
    yield _gauge("nagare_memory_bytes", "resident set of the process", memory_bytes())
    yield _gauge("nagare_live_connections", "live connections (WebSocket)", len(services.hub))
    yield _gauge(
        "nagare_limits_redis_away", "1 while requests are counted in memory for want of Redis", services.rates.is_away
    )
    yield _gauge("nagare_inflight_bytes", "bytes of bodies being taken in", services.bodies.held_bytes)


def _certificates(services: Services) -> Iterator[MetricValue]:
    if services.certificate is None:
        return
    current, now = services.certificate.current, services.clock.now()
    for name, end in (("server", current.expires_at), ("authority", current.ca_expires_at)):
        if end is not None:
            text = "time until the certificate ends, below zero once it has"
            yield _gauge("nagare_certificate_expiry_seconds", text, (end - now).total_seconds(), certificate=name)


def _hosts(services: Services) -> Iterator[MetricValue]:
    for state, count in services.fleet.count_by_state().items():
        yield _gauge("nagare_hosts", "registered hosts by state", count, state=state)


def _store(services: Services) -> Iterator[MetricValue]:
    status = services.store.status()
    yield from _numbers("store", "metric store", status)
    if status.bucket is not None:
        yield from _numbers("bucket", "bucket", status.bucket)


def _numbers(prefix: str, owner: str, status: StoreStatus | BucketStatus) -> Iterator[MetricValue]:
    for name in status.__struct_fields__:
        value: Any = getattr(status, name)
        if not isinstance(value, int | float):
            continue
        kind = "counter" if name.endswith("_total") else "gauge"
        # The suffix _count belongs to histograms in the text format; promtool says so.
        told = "blocks" if name == "block_count" else name
        yield MetricValue(f"nagare_{prefix}_{told}", kind, f"{owner}: {name.replace('_', ' ')}", float(value))


def _sources(services: Services) -> Iterator[MetricValue]:
    for state, count in services.scraper.count_by_state().items():
        yield _gauge("nagare_scrape_targets", "scrape targets by state", count, state=state)
    yield _gauge("nagare_statsd_names", "StatsD names with their tags kept now", len(services.statsd))


def _counters(services: Services) -> Iterator[MetricValue]:
    owners = (
        _Owner("server", services.counters),
        _Owner("hub", services.hub.counters),
        _Owner("bodies", services.bodies.counters),
        _Owner("ingest", services.limits.counters),
        _Owner("limits", services.rates.counters),
        _Owner("identity", services.identity.counters),
        _Owner("audit", services.audit.counters),
        _Owner("metrics", services.store.counters),
        _Owner("scrape", services.scraper.counters),
        _Owner("statsd", services.statsd.counters),
    )
    for owner in owners:
        for name, value in owner.counters:
            lawful = name.replace(".", "_").replace("-", "_").removesuffix("_total")
            text = f"{owner.prefix}: {lawful.replace('_', ' ')}"
            yield MetricValue(f"nagare_{owner.prefix}_{lawful}_total", "counter", text, value)


def _gauge(name: str, text: str, value: float, **labels: str) -> MetricValue:
    return MetricValue(name, "gauge", text, float(value), labels)
