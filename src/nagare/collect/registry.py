"""The table of all collectors: its names are what settings may disable or give an interval of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from nagare.collect.collector import Collector, Root
from nagare.collect.cpu.collector import CpuCollector
from nagare.collect.disk.collector import DiskCollector
from nagare.collect.disk_io import DiskIoCollector
from nagare.collect.load import LoadCollector
from nagare.collect.memory.collector import MemoryCollector
from nagare.collect.network.collector import NetworkCollector
from nagare.collect.process.collector import ProcessCollector
from nagare.config.settings import AgentSettings
from nagare.errors import ConfigError
from nagare.lib.nearest import did_you_mean

Factory = Callable[[AgentSettings, Root], Collector]


def _process(settings: AgentSettings, root: Root) -> Collector:
    return ProcessCollector(root, top=settings.process_top, command_lines=settings.command_lines)


FACTORIES: Mapping[str, Factory] = MappingProxyType(
    {
        "cpu": lambda _, root: CpuCollector(root),
        "load": lambda _, root: LoadCollector(root),
        "memory": lambda _, root: MemoryCollector(root),
        "disk": lambda _, root: DiskCollector(root),
        "disk_io": lambda _, root: DiskIoCollector(root),
        "network": lambda _, root: NetworkCollector(root),
        "process": _process,
    }
)


def build_collectors(settings: AgentSettings, root: Root) -> list[Collector]:
    """Return every collector that is not disabled. Raises ConfigError for a name that is none."""
    for key, names in (("disabled", settings.disabled), ("intervals", settings.intervals)):
        for name in names:
            if name not in FACTORIES:
                raise ConfigError(
                    f"cannot use collector {name!r} in agent.{key}: there is no such collector",
                    hint=did_you_mean(name, FACTORIES) or f"known collectors: {', '.join(FACTORIES)}",
                )
    return [build(settings, root) for name, build in FACTORIES.items() if name not in settings.disabled]
