"""Makes incidents of microservices whose cause is known. Knows nothing of what ranks them.

Services call each other in a graph without circles; load comes from outside with a season and noise, and is passed on.
A fault begins at one service; what it does to callers arrives later and weaker, and what callers do no more is missing at the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FAULTS = ("cpu", "memory", "disk", "delay", "loss", "crash", "pool", "errors", "locks", "surge")
# Separators that people use between a component and what is measured of it.
_BORDERS = ("_", ".", "/", ":")
_PLACES = (
    "cart",
    "user",
    "orders",
    "payment",
    "search",
    "catalogue",
    "stock",
    "mail",
    "route",
    "price",
    "seat",
    "food",
    "ticket",
    "auth",
    "basic",
)
_ROLES = ("service", "api", "db", "cache", "worker", "proxy")


@dataclass
class Incident:
    """One incident: ``values[i]`` is the series ``names[i]`` at ``times`` (Unix seconds); ``cause`` is the service."""

    names: list[str]
    times: Floats
    values: Floats
    onset: float
    cause: str
    fault: str
    edges: list[tuple[str, str]]


@dataclass
class _Service:
    name: str
    callees: list[int]
    series: dict[str, Floats] = field(default_factory=dict)


class _World:
    """What one incident is drawn from: sizes, the graph, the load, and the fault's course over time."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        draw = self.random
        self.step = float(draw.choice([1.0, 5.0, 5.0, 5.0, 15.0]))
        before = draw.uniform(240, 720)
        after = draw.uniform(60, 200)
        self.width = int(before + after)
        self.began = int(before)
        self.times = 1.76e9 + float(draw.integers(0, 10**6)) + np.arange(self.width) * self.step
        self.services = self._graph(int(draw.integers(6, 34)))
        self.cause = self._pick_cause()
        self.fault = str(draw.choice(FAULTS))
        self.size = float(draw.uniform(0.6, 2.0))

    def _graph(self, count: int) -> list[_Service]:
        draw = self.random
        names: list[str] = []
        while len(names) < count:
            name = f"{draw.choice(_PLACES)}-{draw.choice(_ROLES)}"
            names.append(name if name not in names else f"{name}{len(names)}")
        services = [_Service("frontend", [])] + [_Service(name, []) for name in names[1:]]
        for index in range(1, count):
            # Everybody has a caller that stands before it, so that there is no circle.
            callers = draw.choice(index, size=min(index, int(draw.integers(1, 4))), replace=False)
            for caller in callers:
                if len(services[caller].callees) < 6 or index < 3:
                    services[caller].callees.append(index)
            if not any(index in services[caller].callees for caller in callers):
                services[int(callers[0])].callees.append(index)
        return services

    def _pick_cause(self) -> int:
        # The entry is the cause of few incidents, but of some.
        first = 0 if self.random.random() < 0.05 else 1
        return int(self.random.integers(first, len(self.services)))

    def noise(self, share: float) -> Floats:
        """Return noise around 0, half of it with a memory."""
        draw = self.random
        white = draw.normal(0, 1, self.width)
        slow = np.zeros(self.width)
        keep = draw.uniform(0.6, 0.97)
        kicks = draw.normal(0, (1 - keep**2) ** 0.5, self.width)
        for place in range(1, self.width):
            slow[place] = keep * slow[place - 1] + kicks[place]
        return share * (0.7 * white + 0.7 * slow)

    def course(self, hops: int, ramp: float) -> Floats:
        """Return how far the fault has come ``hops`` calls away, 0 before and 1 when it is in full effect."""
        late = self.began + sum(float(self.random.uniform(3, 25)) for _ in range(hops)) / self.step
        since = np.arange(self.width) - late
        course: Floats = np.clip((since + 1) / max(ramp / self.step, 1.0), 0.0, 1.0) * (since >= 0)
        return course


def make_incident(seed: int) -> Incident:
    """Return the incident of ``seed``; the same for the same seed."""
    world = _World(seed)
    load = _load(world)
    distance = _distances(world)
    _measure(world, load, distance)
    _FAULTS[world.fault](world)
    _propagate(world, distance)
    return _as_incident(world)


def _load(world: _World) -> Floats:
    draw = world.random
    period = draw.uniform(0.5, 6) * world.width
    phase = draw.uniform(0, 2 * np.pi)
    season = draw.uniform(0.05, 0.4) * np.sin(2 * np.pi * np.arange(world.width) / period + phase)
    load: Floats = np.maximum(1 + season + world.noise(draw.uniform(0.02, 0.08)), 0.1)
    return load


def _distances(world: _World) -> dict[int, int]:
    """Return how many calls each service stands before the cause; only those that it reaches."""
    found = {world.cause: 0}
    for index in range(len(world.services) - 1, -1, -1):
        steps = [found[callee] + 1 for callee in world.services[index].callees if callee in found]
        if steps and index != world.cause:
            found[index] = min(steps)
    return found


def _measure(world: _World, load: Floats, distance: dict[int, int]) -> None:
    draw = world.random
    for index, service in enumerate(world.services):
        share = draw.uniform(0.2, 1.0)
        rate = draw.uniform(20, 400) * load * share
        if index and distance.get(index) is None and draw.random() < 0.5:
            # Callers that wait send less to everybody else.
            rate = rate * (1 - world.course(2, 30.0) * draw.uniform(0, 0.15))
        work = rate / rate.mean()
        base = draw.uniform(2, 80)
        noise = draw.uniform(0.02, 0.12)
        service.series = {
            "cpu": draw.uniform(5, 40) * (0.3 + 0.7 * work + world.noise(noise)),
            "mem": draw.uniform(5e7, 2e9) * (1 + 0.02 * work + world.noise(draw.uniform(0.001, 0.02))),
            "latency-50": base * (0.8 + 0.2 * work + world.noise(noise)),
            "latency-90": base * 2.2 * (0.8 + 0.2 * work + world.noise(noise * 1.6)),
            "error_rate": np.maximum(world.noise(0.002) + 0.001, 0) * (draw.random() < 0.7),
            "workload": rate * (1 + world.noise(noise / 2)),
        }
        extra = {
            "diskio": draw.uniform(1e4, 1e6) * (0.5 + 0.5 * work + np.abs(world.noise(0.2))),
            "socket": np.round(draw.uniform(10, 200) * (0.8 + 0.2 * work + world.noise(0.03))),
            "threads": np.round(draw.uniform(10, 100) * (1 + world.noise(0.02))),
            "gc_pause": np.abs(world.noise(draw.uniform(1, 5))),
            "replicas": np.full(world.width, float(draw.integers(1, 5))),
            "mem_limit": np.full(world.width, 4e9),
        }
        for name in draw.choice(list(extra), size=int(draw.integers(1, len(extra) + 1)), replace=False):
            service.series[str(name)] = extra[str(name)]


def _add(world: _World, metric: str, amount: float, ramp: float, *, hops: int = 0, at: int | None = None) -> None:
    """Raise ``metric`` of the cause (or of ``at``) by that share of its mean, in ``ramp`` seconds."""
    service = world.services[world.cause if at is None else at]
    if metric in service.series:
        series = service.series[metric]
        mean = float(np.mean(series[: world.began])) or 1.0
        service.series[metric] = series + amount * mean * world.course(hops, ramp) * (1 + 0.1 * world.noise(1.0))


def _slower(world: _World, amount: float, ramp: float) -> None:
    _add(world, "latency-50", amount, ramp)
    _add(world, "latency-90", amount * 1.3, ramp)


def _cpu(world: _World) -> None:
    _add(world, "cpu", 1.5 * world.size, 10)
    _slower(world, 0.8 * world.size, 20)


def _memory(world: _World) -> None:
    _add(world, "mem", 0.6 * world.size, world.random.uniform(60, 300))
    _add(world, "gc_pause", 3 * world.size, 60)
    _slower(world, 0.4 * world.size, 120)


def _disk(world: _World) -> None:
    _add(world, "diskio", 6 * world.size, 10)
    _add(world, "cpu", 0.3 * world.size, 10)
    _slower(world, 0.9 * world.size, 20)


def _delay(world: _World) -> None:
    _slower(world, 2.5 * world.size, 5)
    _add(world, "socket", 0.3 * world.size, 20)


def _loss(world: _World) -> None:
    _slower(world, 1.2 * world.size, 5)
    world.services[world.cause].series["error_rate"] += 0.05 * world.size * world.course(0, 5)
    _add(world, "workload", -0.2, 10)


def _crash(world: _World) -> None:
    gone = world.course(0, 1) > 0
    back = gone & (np.arange(world.width) > world.began + 60 / world.step)
    for name, series in world.services[world.cause].series.items():
        if name in {"cpu", "mem", "workload", "threads", "socket"}:
            world.services[world.cause].series[name] = np.where(gone, series * 0.05, series)
    world.services[world.cause].series["error_rate"] += np.where(gone, 0.4, 0.0) * (1 - 0.3 * back)


def _pool(world: _World) -> None:
    _add(world, "threads", 1.5 * world.size, 15)
    _add(world, "socket", 1.0 * world.size, 15)
    _slower(world, 1.5 * world.size, 15)


def _errors(world: _World) -> None:
    world.services[world.cause].series["error_rate"] += 0.15 * world.size * world.course(0, 5)
    _add(world, "latency-90", 0.3, 5)


def _locks(world: _World) -> None:
    _slower(world, 1.6 * world.size, 10)
    _add(world, "cpu", -0.25, 10)


def _surge(world: _World) -> None:
    _add(world, "workload", 1.2 * world.size, 10)
    _add(world, "cpu", 1.0 * world.size, 10)
    _add(world, "socket", 0.6 * world.size, 10)
    _slower(world, 0.5 * world.size, 15)


_FAULTS: dict[str, Callable[[_World], None]] = {
    "cpu": _cpu, "memory": _memory, "disk": _disk, "delay": _delay, "loss": _loss,
    "crash": _crash, "pool": _pool, "errors": _errors, "locks": _locks, "surge": _surge,
}  # fmt: skip
# How much callers feel of each: latency as a share of theirs, errors as a share of all.
_FELT = {
    "cpu": (0.6, 0.0), "memory": (0.3, 0.0), "disk": (0.6, 0.0), "delay": (1.4, 0.0), "loss": (0.8, 0.03), "crash": (0.5, 0.25),
    "pool": (1.0, 0.02), "errors": (0.1, 0.12), "locks": (1.1, 0.0), "surge": (0.4, 0.0),
}  # fmt: skip


def _propagate(world: _World, distance: dict[int, int]) -> None:
    slower, failing = _FELT[world.fault]
    for index, hops in distance.items():
        if not hops:
            continue
        weaker = world.random.uniform(0.35, 0.85) ** hops * world.size
        _add(world, "latency-50", slower * weaker, 20, hops=hops, at=index)
        _add(world, "latency-90", slower * weaker * 1.2, 20, hops=hops, at=index)
        _add(world, "socket", 0.3 * slower * weaker, 20, hops=hops, at=index)
        _add(world, "workload", -0.1 * weaker, 20, hops=hops, at=index)
        world.services[index].series["error_rate"] += failing * weaker * world.course(hops, 15)


def _as_incident(world: _World) -> Incident:
    draw = world.random
    border = str(draw.choice(_BORDERS))
    names = [f"{one.name}{border}{metric}" for one in world.services for metric in one.series]
    values: Floats = np.array([series for one in world.services for series in one.series.values()])
    most = int(draw.integers(40, 401))
    if len(names) > most:
        # The cause keeps its series; of the others some are not collected.
        own = [index for index, name in enumerate(names) if name.startswith(world.services[world.cause].name + border)]
        others = [index for index in range(len(names)) if index not in own]
        kept = sorted([*own, *draw.choice(others, size=max(most - len(own), 1), replace=False)])
        names, values = [names[index] for index in kept], values[kept]
    values = _disturb(world, names, values, border)
    values[draw.random(values.shape) < draw.choice([0.0, 0.0, 0.01, 0.03])] = np.nan
    edges = [(one.name, world.services[callee].name) for one in world.services for callee in one.callees]
    cause = world.services[world.cause].name
    return Incident(
        names, world.times.astype(np.float64), values, float(world.times[world.began]), cause, world.fault, edges
    )


def _disturb(world: _World, names: list[str], values: Floats, border: str) -> Floats:
    """Make bystanders noisy: bursts, heavy tails, steps of their own, now and then."""
    draw = world.random
    cause = world.services[world.cause].name + border
    others = [index for index, name in enumerate(names) if not name.startswith(cause)]
    for index in draw.choice(others, size=max(len(others) // 10, 1), replace=False):
        series = values[index]
        spread = float(np.std(series))
        match int(draw.integers(0, 4)):
            case 0:
                values[index] = series + spread * draw.standard_t(1.8, world.width)
            case 1:
                bursts = np.repeat(draw.random(world.width // 8 + 1) < 0.12, 8)[: world.width]
                values[index] = series + spread * draw.uniform(4, 12) * bursts
            case 2:
                values[index] = series + spread * np.cumsum(draw.normal(0, 0.15, world.width))
            case _:
                since = int(draw.integers(0, world.width))
                values[index] = series + spread * draw.uniform(-5, 5) * (np.arange(world.width) >= since)
    return values
