"""Which component a series is of, and what of it is measured, by nothing but its name.

Names are `component_metric` with any of ``_ . / :`` between, or a Prometheus series with labels. Where several places could be
the border, all names together say which: a component has many metrics, and a metric stands at many components.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nagare.errors import InputError


class MetricKind(StrEnum):
    """How trouble travels through what is measured: to nobody, to callers, or to whom one calls."""

    RESOURCE = "resource"
    SYMPTOM = "symptom"
    TRAFFIC = "traffic"


@dataclass(frozen=True, slots=True)
class SeriesName:
    """A series' name, apart: ``component`` is empty where the name has no such part."""

    name: str
    component: str
    metric: str
    kind: MetricKind


# Labels that say whose a series is, the narrowest that people think in first.
_OWNERS = (
    "service", "service_name", "app", "container", "deployment", "component", "job", "pod", "host", "instance", "name",
)  # fmt: skip
_LABELLED = re.compile(r"^([^{}\s]+)\s*\{(.*)\}$", re.DOTALL)
_LABEL = re.compile(r'\s*([A-Za-z_][\w.]*)\s*=~?\s*"((?:[^"\\]|\\.)*)"')
# What no component has in its name: the strongest first.
_BORDERS = ("/", ":", ".", "_")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TRAFFIC = {
    "workload", "load", "lod", "rps", "qps", "tps", "rate", "requests", "request", "throughput", "traffic", "calls", "rx", "tx",
    "received", "sent", "transmit", "receive", "hits", "ops", "count",
}  # fmt: skip
_SYMPTOM = {
    "latency", "lat", "duration", "rt", "delay", "response", "responsetime", "p50", "p90", "p95", "p99", "error", "errors", "err",
    "fail", "failure", "failures", "failed", "timeout", "timeouts", "success", "availability", "apdex", "5xx", "4xx", "slow",
}  # fmt: skip
_RESOURCE = {
    "cpu", "mem", "memory", "heap", "rss", "gc", "disk", "diskio", "io", "fs", "filesystem", "net", "network", "socket", "sockets", "threads",
    "thread", "fds", "fd", "connections", "conn", "pool", "queue", "restarts", "restart", "swap", "load1", "load5", "iowait", "usage", "utilization",
    "saturation", "inodes", "pods", "replicas", "throttled", "throttling", "goroutines", "lag", "locks", "cache", "bytes", "read", "write",
    "packet", "loss", "drops", "dropped", "retransmits",
}  # fmt: skip
# "memory usage" says more than "usage", but each of them may begin a metric.
_KNOWN = _TRAFFIC | _SYMPTOM | _RESOURCE


def parse_names(names: Sequence[str], pattern: str = "") -> tuple[SeriesName, ...]:
    """Return each name apart; ``pattern`` is ``{component}_{metric}`` or a regular expression with these groups.

    Raises InputError for a pattern that is none, or that no name fits.
    """
    if pattern:
        return _by_pattern(names, pattern)
    plain = [name for name in names if not _LABELLED.match(name)]
    splits = dict(zip(plain, _split_all(plain), strict=True))
    return tuple(_of_labels(name) if name not in splits else _made(name, *splits[name]) for name in names)


def kind_of(metric: str) -> MetricKind:
    """Return how trouble travels through ``metric``; what nobody knows stays where it is, as a resource does."""
    words = _words(metric)
    if words & _SYMPTOM and not words & {"disk", "gc", "io", "await"}:
        return MetricKind.SYMPTOM
    if words & _RESOURCE:
        return MetricKind.RESOURCE
    return MetricKind.TRAFFIC if words & _TRAFFIC else MetricKind.RESOURCE


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(text)} | set(re.split(r"[^a-z0-9]+", text.lower()))


def _made(name: str, component: str, metric: str) -> SeriesName:
    return SeriesName(name, component, metric, kind_of(metric))


def _by_pattern(names: Sequence[str], pattern: str) -> tuple[SeriesName, ...]:
    expression = pattern
    if "{component}" in pattern:
        escaped = re.escape(pattern)
        expression = escaped.replace(r"\{component\}", "(?P<component>.+)").replace(r"\{metric\}", "(?P<metric>.+)")
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise InputError(f"cannot use component pattern {pattern!r}: {error}") from None
    if "component" not in compiled.groupindex:
        raise InputError(
            f"cannot use component pattern {pattern!r}: it names no component",
            hint="for example: '{component}_{metric}', or '(?P<component>[^.]+)[.](?P<metric>.+)'",
        )
    found = [(name, compiled.fullmatch(name)) for name in names]
    if names and not any(match for _, match in found):
        raise InputError(
            f"cannot use component pattern {pattern!r}: no series is named so", hint=f"one is {names[0]!r}"
        )
    return tuple(_of_match(name, match) for name, match in found)


def _of_match(name: str, match: re.Match[str] | None) -> SeriesName:
    if match is None:
        return _made(name, "", name)
    return _made(name, match["component"] or "", match.groupdict().get("metric") or name)


def _of_labels(name: str) -> SeriesName:
    match = _LABELLED.match(name)
    metric, inside = (match[1], match[2]) if match else (name, "")
    labels = dict(_LABEL.findall(inside))
    owner = next((label for label in _OWNERS if labels.get(label)), "")
    rest = ",".join(f"{key}={value}" for key, value in sorted(labels.items()) if key != owner)
    return SeriesName(name, labels.get(owner, ""), f"{metric}{{{rest}}}" if rest else metric, kind_of(metric))


def _split_all(names: Sequence[str]) -> list[tuple[str, str]]:
    options = [_options(name) for name in names]
    components = Counter(component for group in options for component, _ in group)
    metrics = Counter(metric for group in options for _, metric in group)
    return [
        max(group, key=lambda split: _likelihood(split, components, metrics)) if group else ("", name)
        for name, group in zip(names, options, strict=True)
    ]


def _options(name: str) -> list[tuple[str, str]]:
    border = next((border for border in _BORDERS if border in name.strip(border)), "")
    places: Iterable[int] = (place for place, sign in enumerate(name) if sign == border)
    return [(name[:place], name[place + 1 :]) for place in places if name[:place] and name[place + 1 :]]


def _likelihood(split: tuple[str, str], components: Counter[str], metrics: Counter[str]) -> tuple[float, int]:
    component, metric = split
    first = re.split(r"[^A-Za-z0-9]+", metric)[0].lower()
    likely = float(components[component] * metrics[metric])
    if first in _KNOWN:
        likely *= 4
    elif first.isdigit():
        # `service_12_cpu` is the metric cpu of service_12, `cart_lat_50` no metric 50 of cart_lat.
        likely /= 16
    last = re.split(r"[^A-Za-z0-9]+", component)[-1].lower()
    if last in _KNOWN:
        likely /= 2
    return likely, len(component)
