"""All rules, and which cause explains which other: a cause explains only what began after it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.diagnosis.rules import disks, hosts, load, memory, network, services, upstream
from nagare.diagnosis.rules.facts import Rule

RULES: tuple[Rule, ...] = (
    hosts.silent, hosts.restarted, hosts.clock, hosts.heat, hosts.agents,
    load.saturated, load.stolen, load.files, load.tasks,
    memory.leak, memory.exhausted, memory.killed, memory.contained,
    disks.full, disks.inodes, disks.read_only, disks.slow, disks.failing,
    network.loss, network.saturated, network.unreachable, network.late, network.ending,
    services.failed, services.crashed,
    upstream.upstream,
)  # fmt: skip

_SERVICES = frozenset({"process.crashed", "unit.failed", "unit.restarting", "service.unreachable", "service.slow"})
EXPLAINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "cpu.saturated": frozenset({"service.slow", "hardware.hot"}),
        "cpu.stolen": frozenset({"service.slow", "cpu.saturated"}),
        "memory.leak": _SERVICES | {"memory.exhausted", "memory.oom", "disk.slow", "container.memory"},
        "memory.exhausted": _SERVICES | {"memory.oom", "disk.slow"},
        "memory.oom": _SERVICES,
        "disk.full": _SERVICES | {"disk.filling"},
        "disk.inodes": _SERVICES,
        "disk.read_only": _SERVICES,
        "disk.slow": frozenset({"service.slow", "service.unreachable"}),
        "drive.failing": _SERVICES | {"disk.slow", "disk.read_only", "drive.wearing"},
        "drive.wearing": frozenset({"disk.slow", "disk.read_only"}),
        "network.loss": frozenset({"service.slow", "service.unreachable"}),
        "network.saturated": frozenset({"network.loss", "service.slow", "service.unreachable"}),
        "network.down": frozenset({"service.slow", "service.unreachable"}),
        "process.crashed": frozenset({"service.unreachable", "service.slow"}),
        "unit.failed": frozenset({"process.crashed", "service.unreachable", "service.slow"}),
        "clock.jump": frozenset({"clock.offset", "host.silent"}),
        "host.restarted": _SERVICES | {"clock.jump"},
        "files.exhausted": _SERVICES,
        "upstream.down": frozenset(
            {"host.silent", "network.down", "network.loss", "service.unreachable", "service.slow"}
        ),
        "tasks.runaway": _SERVICES | {"cpu.saturated", "memory.exhausted", "memory.oom", "files.exhausted"},
    }
)

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "cpu.saturated": "the processors have more to do than they can",
        "cpu.stolen": "the hypervisor gives a machine less than it asks for",
        "files.exhausted": "hardly any file handles are left",
        "tasks.runaway": "a program starts threads or processes without end",
        "memory.leak": "the memory of a process grows steadily, and will use up the rest",
        "memory.exhausted": "memory is used up, or everything waits for it",
        "memory.oom": "the kernel ended programs because memory ran out",
        "container.memory": "a container is at its memory limit",
        "container.throttled": "a container is throttled at its CPU limit",
        "disk.full": "a file system is full",
        "disk.filling": "a file system will be full within a day",
        "disk.inodes": "a file system can hold no further files",
        "disk.read_only": "a file system became read-only",
        "disk.slow": "requests to a drive take long",
        "drive.failing": "a drive says that it fails",
        "drive.wearing": "a drive has bad places, or is worn out",
        "network.loss": "an interface, or a way, loses packets",
        "network.saturated": "an interface carries as much as it can",
        "network.down": "nothing that a host looks at answers",
        "service.unreachable": "a target does not answer",
        "service.slow": "a target answers late",
        "certificate.ending": "a certificate ends soon, or has ended",
        "process.crashed": "a process ended, and what needs it fails since",
        "unit.failed": "a unit of systemd has failed",
        "unit.restarting": "a unit of systemd is started again and again",
        "host.silent": "a host sends nothing",
        "host.restarted": "a host started anew; no trouble by itself",
        "clock.jump": "the clock of a host jumped",
        "clock.offset": "the clock of a host is wrong",
        "hardware.hot": "a sensor is at its critical temperature",
        "gpu.throttled": "a GPU is hot, or held back",
        "upstream.down": "what a host depends on is down",
        "change.first": "no rule knows the cause; this changed first and most, which proves nothing",
        "agent.blind": "a collector of an agent fails, or samples wait or were dropped",
    }
)

# The shipped alert rule that means the same as a cause.
CAUSES_OF_RULES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "CpuSaturated": frozenset({"cpu.saturated"}),
        "CpuStolen": frozenset({"cpu.stolen"}),
        "LoadHigh": frozenset({"cpu.saturated", "disk.slow"}),
        "MemoryLow": frozenset({"memory.exhausted", "memory.leak"}),
        "MemoryPressure": frozenset({"memory.exhausted", "memory.leak"}),
        "OomKill": frozenset({"memory.oom", "memory.leak"}),
        "ContainerOomKill": frozenset({"container.memory"}),
        "DiskFull": frozenset({"disk.full"}),
        "DiskFillsSoon": frozenset({"disk.filling", "disk.full"}),
        "InodesLow": frozenset({"disk.inodes"}),
        "DiskSaturated": frozenset({"disk.slow"}),
        "DriveFailing": frozenset({"drive.failing"}),
        "DriveWearsOut": frozenset({"drive.wearing"}),
        "HostDown": frozenset({"host.silent"}),
        "ClockSkew": frozenset({"clock.jump", "clock.offset"}),
        "NetworkErrors": frozenset({"network.loss"}),
        "ProbeFailed": frozenset({"service.unreachable", "network.down", "process.crashed"}),
        "CertificateExpires": frozenset({"certificate.ending"}),
        "UnitFailed": frozenset({"unit.failed"}),
        "UnitRestarts": frozenset({"unit.restarting"}),
        "GpuThrottled": frozenset({"gpu.throttled"}),
        "TooHot": frozenset({"hardware.hot"}),
        "CollectorFails": frozenset({"agent.blind"}),
    }
)
