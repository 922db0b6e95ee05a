"""What a resource and a metric say of all their points: shared labels, the name of the series, their type and unit.

Names and labels are made as Prometheus's own receiver makes them, so that the same queries work. ``service.name`` (with
its namespace) becomes ``job``, ``service.instance.id`` ``instance``, ``host.name`` ``host``; what else a resource says stands
in ``target_info``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nagare.errors import InvalidLabelError
from nagare.interop.otlp.names import labels_of, metric_name, unit_name
from nagare.model.samples import MetricMetadata, SeriesId, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

_DELTA = 1  # AggregationTemporality
_KINDS = {"gauge": "gauge", "histogram": "histogram", "exponential_histogram": "histogram", "summary": "summary"}
_IDENTIFYING = frozenset({"service_name", "service_namespace", "service_instance_id", "host_name"})
Base = tuple[tuple[str, str], ...]
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """A resource: the labels that all its series carry, and those of its ``target_info``, empty when there is none."""

    base: Base
    info: Labels

    @staticmethod
    def of(resource: Resource) -> Origin:
        """Return what ``resource`` says; of an attribute that stands there twice the last one counts."""
        attributes = {each.key: each for each in resource.attributes}
        labels = labels_of(attributes.values())
        base = _identity(labels)
        rest = {name: value for name, value in labels.items() if name not in _IDENTIFYING}
        return Origin(tuple(base.items()), {**rest, **base} if rest and base else {})


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric without its points: the name of its series, which kind of points it has, and what is told of it."""

    name: str
    kind: str
    is_delta: bool
    said: MetricMetadata

    @staticmethod
    def of(metric: Metric) -> Instrument | None:
        """Return what ``metric`` says, None when it has no points of any kind."""
        kind = metric.WhichOneof("data")
        if kind is None:
            return None
        content: Any = getattr(metric, kind)
        is_counter = kind == "sum" and content.is_monotonic
        name = metric_name(metric.name, metric.unit, is_counter=is_counter, is_gauge=kind == "gauge")
        told = "counter" if is_counter else _KINDS.get(kind, "gauge")
        is_delta = getattr(content, "aggregation_temporality", 0) == _DELTA
        return Instrument(name, kind, is_delta, MetricMetadata(name, told, unit_name(metric.unit), metric.description))


def number_of_info(intern: SeriesIntern, origin: Origin) -> SeriesId | None:
    """Return the series of the ``target_info`` of ``origin``, None when it is not lawful."""
    try:
        return intern.intern("target_info", origin.info)
    except InvalidLabelError:
        return None


def _identity(labels: Labels) -> dict[str, str]:
    name, namespace = labels.get("service_name", ""), labels.get("service_namespace", "")
    found = {
        "job": f"{namespace}/{name}" if name and namespace else name,
        "instance": labels.get("service_instance_id", ""),
        "host": labels.get("host_name", ""),
    }
    return {label: value for label, value in found.items() if value}
