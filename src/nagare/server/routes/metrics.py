"""The server's own numbers for Prometheus and for programs that prefer JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from nagare.model.principal import Permission
from nagare.server.own_metrics import gather
from nagare.server.route import Call, Route
from nagare.wire.system import MetricValue, SystemMetrics


class _Snapshot:
    """A collector of what was gathered for one answer; the registry asks it once."""

    def __init__(self, values: Iterable[MetricValue]) -> None:
        self._values = list(values)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for value in self._values:
            family = families.get(value.name)
            if family is None:
                kind = CounterMetricFamily if value.kind == "counter" else GaugeMetricFamily
                family = families[value.name] = kind(value.name, value.text, labels=list(value.labels))
            family.add_metric(list(value.labels.values()), value.value)
        yield from families.values()


async def exposition_text(call: Call) -> web.Response:
    """Return the numbers in the Prometheus or OpenMetrics text format, as asked for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(await gather(call.services)))
    encode, media = exposition.choose_encoder(call.request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=encode(registry), headers={hdrs.CONTENT_TYPE: media})


async def system_metrics(call: Call) -> SystemMetrics:
    """Return the numbers as JSON."""
    return SystemMetrics(await gather(call.services))


_OPENMETRICS = "application/openmetrics-text"
ROUTES = (
    Route(
        "GET", "/metrics", exposition_text, "Numbers for Prometheus", Permission.SYSTEM_READ,
        media="text/plain", other_media=(_OPENMETRICS,),
    ),
    Route(
        "GET", "/api/v1/metrics", exposition_text, "As /metrics", Permission.SYSTEM_READ,
        media="text/plain", other_media=(_OPENMETRICS,),
    ),
    Route(
        "GET", "/api/v1/system/metrics", system_metrics, "The same as JSON", Permission.SYSTEM_READ, reply=SystemMetrics
    ),
)  # fmt: skip
