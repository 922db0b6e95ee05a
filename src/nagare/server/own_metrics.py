"""The server's own numbers, gathered once and told in two forms: Prometheus text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nagare.errors import NagareError
from nagare.lib.counters import Counters
from nagare.server.running.cost import cpu_seconds, memory_bytes
from nagare.server.services import Services
from nagare.wire.system import BucketStatus, BusStatus, MetricValue, StoreStatus


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose counters become ``nagare_<prefix>_<name>_total``."""

    prefix: str
    counters: Counters


async def gather(services: Services) -> list[MetricValue]:
    """Return every number, in a stable order."""
    return [
        *_gauges(services),
        *_certificates(services),
        *_hosts(services),
        *_queues(services),
        *_store(services),
        *_sources(services),
        *_commands(services),
        *await _tasks(services),
        *_alerts(services),
        *_bus(await services.bus_view.status()),
        *_counters(services),
    ]


def _gauges(services: Services) -> Iterator[MetricValue]:
    yield _gauge("nagare_build_info", "version of the server", 1, version=services.version)
    uptime = services.clock.monotonic() - services.started
    yield _gauge("nagare_uptime_seconds", "time since the server listens", uptime)
    yield MetricValue("nagare_cpu_seconds_total", "counter", "CPU seconds of the process", cpu_seconds())
    yield _gauge("nagare_memory_bytes", "resident set of the process", memory_bytes())
    yield _gauge("nagare_live_connections", "live connections (WebSocket)", len(services.hub))
    yield _gauge("nagare_ui_desks", "dashboards of browsers that run", len(services.desks))
    yield _gauge("nagare_tunnels", "connections to hosts' SSH that are carried", len(services.tunnels))
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


def _queues(services: Services) -> Iterator[MetricValue]:
    by_name: dict[str, list[MetricValue]] = {}
    for host, column, value in services.queues:
        kind = "counter" if column.endswith("_total") else "gauge"
        text = f"agents: {column.removesuffix('_total').replace('_', ' ')}, as the host said last"
        by_name.setdefault(column, []).append(MetricValue(f"nagare_agent_{column}", kind, text, value, {"host": host}))
    for values in by_name.values():
        yield from values


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
    yield _gauge("nagare_anomaly_series", "series that are scored", len(services.anomalies))
    yield _gauge("nagare_statsd_names", "StatsD names with their tags kept now", len(services.statsd))


def _commands(services: Services) -> Iterator[MetricValue]:
    for state, count in services.commands.count_by_state().items():
        yield _gauge("nagare_commands", "commands of open jobs by state", count, state=state)
    yield _gauge("nagare_command_agents", "agents connected for commands", len(services.commands.agents))
    yield _gauge("nagare_command_followers", "followers of jobs", services.commands.count_followers())


async def _tasks(services: Services) -> list[MetricValue]:
    found = [_gauge("nagare_task_workers", "worker processes", len(services.tasks.crew))]
    try:
        counts = await services.tasks.counts()
    except NagareError:
        # What the other numbers say is wanted most while the records are away.
        return found
    return [
        *found,
        *(
            _gauge("nagare_tasks", "tasks that are kept, by state", count, state=state)
            for state, count in counts.items()
        ),
    ]


def _alerts(services: Services) -> Iterator[MetricValue]:
    for (state, severity), count in sorted(services.alerts.board.counts().items()):
        yield _gauge("nagare_alerts", "open alerts", count, state=state, severity=str(severity))
    told = services.alerts.judge.measures()
    yield _gauge("nagare_alert_rules", "rules that hold", told.rules)
    yield _gauge("nagare_alert_rules_failing", "rules that cannot be judged", told.failing)
    yield _gauge("nagare_alert_rules_judged_here", "1 while this server judges rules", told.leads)
    yield _gauge("nagare_alert_rules_delay_seconds", "how late the latest rule was judged", told.delay_seconds)
    yield _gauge("nagare_alert_rules_took_seconds", "time that the slowest statement of a rule took", told.took_seconds)
    post = services.alerts.notifier.measures()
    yield _gauge("nagare_incidents", "open incidents, at the server that judges", post.incidents)
    yield _gauge("nagare_notifications_waiting", "notifications that wait to be sent", post.waiting)
    text = "how long the oldest notification waits"
    yield _gauge("nagare_notifications_oldest_waiting_seconds", text, post.oldest_waiting_seconds)


def _bus(status: BusStatus) -> Iterator[MetricValue]:
    yield _gauge("nagare_bus_answers", "1 while the bus answers", not status.fault)
    for lag in status.consumers:
        labels = {"stream": lag.stream, "consumer": lag.consumer}
        yield _gauge("nagare_bus_waiting_messages", "messages never delivered to a consumer", lag.waiting, **labels)
        yield _gauge("nagare_bus_unacked_messages", "messages out that nobody acked yet", lag.unacked, **labels)


def _counters(services: Services) -> Iterator[MetricValue]:
    owners = (
        _Owner("server", services.counters),
        _Owner("hub", services.hub.counters),
        _Owner("bodies", services.bodies.counters),
        _Owner("server", services.crowd.counters),
        _Owner("ui", services.desks.counters),
        _Owner("tunnels", services.tunnels.counters),
        _Owner("ingest", services.limits.counters),
        _Owner("limits", services.rates.counters),
        _Owner("identity", services.identity.counters),
        _Owner("audit", services.audit.counters),
        _Owner("metrics", services.store.counters),
        _Owner("scrape", services.scraper.counters),
        _Owner("statsd", services.statsd.counters),
        _Owner("commands", services.commands.counters),
        _Owner("bus", services.bus.counters),
        _Owner("automation", services.tasks.counters),
        _Owner("alerting", services.alerts.counters),
        _Owner("diagnosis", services.anomalies.counters),
        _Owner("diagnosis", services.diagnoses.counters),
    )
    for owner in owners:
        for name, value in owner.counters:
            lawful = name.replace(".", "_").replace("-", "_").removesuffix("_total")
            text = f"{owner.prefix}: {lawful.replace('_', ' ')}"
            yield MetricValue(f"nagare_{owner.prefix}_{lawful}_total", "counter", text, value)


def _gauge(name: str, text: str, value: float, **labels: str) -> MetricValue:
    return MetricValue(name, "gauge", text, float(value), labels)
