"""The table of all collectors: its names are what settings may disable or give an interval of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from nagare.collect.collector import Collector, Root
from nagare.collect.container import ContainerCollector
from nagare.collect.cpu.collector import CpuCollector
from nagare.collect.disk.collector import DiskCollector
from nagare.collect.disk_io import DiskIoCollector
from nagare.collect.gpu.collector import GpuCollector
from nagare.collect.load import LoadCollector
from nagare.collect.memory.collector import MemoryCollector
from nagare.collect.network.collector import NetworkCollector
from nagare.collect.portable.devices import PortableDiskCollector, PortableNetworkCollector
from nagare.collect.portable.machine import PortableCpuCollector, PortableLoadCollector, PortableMemoryCollector
from nagare.collect.portable.processes import PortableProcessCollector
from nagare.collect.probe.collector import ProbeCollector
from nagare.collect.process.collector import ProcessCollector
from nagare.collect.sensor import SensorCollector
from nagare.collect.smart.collector import SmartCollector
from nagare.collect.unit.collector import UnitCollector
from nagare.config.settings import AgentSettings
from nagare.errors import ConfigError
from nagare.lib.nearest import did_you_mean

Factory = Callable[[AgentSettings, Root], Collector]


def _process(settings: AgentSettings, root: Root) -> Collector:
    return ProcessCollector(root, top=settings.process_top, command_lines=settings.command_lines)


def _probe(settings: AgentSettings, root: Root) -> Collector:
    return ProbeCollector(settings.probes, root, timeout_seconds=settings.timeout_seconds)


FACTORIES: Mapping[str, Factory] = MappingProxyType(
    {
        "cpu": lambda _, root: CpuCollector(root),
        "load": lambda _, root: LoadCollector(root),
        "memory": lambda _, root: MemoryCollector(root),
        "disk": lambda _, root: DiskCollector(root),
        "disk_io": lambda _, root: DiskIoCollector(root),
        "network": lambda _, root: NetworkCollector(root),
        "process": _process,
        "container": lambda _, root: ContainerCollector(root),
        "sensor": lambda _, root: SensorCollector(root),
        "unit": lambda _, root: UnitCollector(root),
        "gpu": lambda _, root: GpuCollector(root),
        "smart": lambda settings, _: SmartCollector(timeout_seconds=settings.timeout_seconds),
        "probe": _probe,
    }
)


# Where there is no /proc: what psutil tells, and what needs no kernel file.
PORTABLE_FACTORIES: Mapping[str, Factory] = MappingProxyType(
    {
        "cpu": lambda _settings, _root: PortableCpuCollector(),
        "load": lambda _settings, _root: PortableLoadCollector(),
        "memory": lambda _settings, _root: PortableMemoryCollector(),
        "disk": lambda _settings, _root: PortableDiskCollector(),
        "network": lambda _settings, _root: PortableNetworkCollector(),
        "process": lambda settings, _: PortableProcessCollector(
            top=settings.process_top, command_lines=settings.command_lines
        ),
        "smart": FACTORIES["smart"],
        "probe": FACTORIES["probe"],
    }
)


def build_collectors(settings: AgentSettings, root: Root, *, platform: str = sys.platform) -> list[Collector]:
    """Return every collector that is not disabled. Raises ConfigError for a name that is none."""
    for key, names in (("disabled", settings.disabled), ("intervals", settings.intervals)):
        for name in names:
            if name not in FACTORIES:
                raise ConfigError(
                    f"cannot use collector {name!r} in agent.{key}: there is no such collector",
                    hint=did_you_mean(name, FACTORIES) or f"known collectors: {', '.join(FACTORIES)}",
                )
    factories = FACTORIES if platform.startswith("linux") else PORTABLE_FACTORIES
    return [build(settings, root) for name, build in factories.items() if name not in settings.disabled]
