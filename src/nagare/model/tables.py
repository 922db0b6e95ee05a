"""Every metric table of our own and its columns: the one place that names them.

Kinds: a ``key`` names a series within a host, a ``gauge`` goes up and down, a ``counter`` only rises within a boot,
an ``attribute`` describes. Units stand in names (``_ratio`` 0-1, ``_bytes``, ``_seconds``, ``_hertz``, ``_celsius``,
``_total`` for counters, ``_per_second`` for rates). Every table also has ``ts`` (Unix milliseconds, UTC) and ``host``.
A column that a host cannot know is null, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ColumnType(StrEnum):
    """How a column is stored."""

    FLOAT = "float"
    INTEGER = "integer"
    TEXT = "text"
    BOOLEAN = "boolean"
    MAP = "map"
    # A text that names a series in a foreign table, where other texts are values.
    TAG = "tag"


class ColumnKind(StrEnum):
    """What a column means for statistics."""

    KEY = "key"
    GAUGE = "gauge"
    COUNTER = "counter"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name with unit, storage type, kind, and one sentence for people."""

    name: str
    type: ColumnType
    kind: ColumnKind
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """One metric table; ``ts`` and ``host`` are implied."""

    name: str
    text: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the key columns, in order."""
        return tuple(column.name for column in self.columns if column.kind is ColumnKind.KEY)

    def find_column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def _key(name: str, text: str, type_: ColumnType = ColumnType.TEXT) -> Column:
    return Column(name, type_, ColumnKind.KEY, text)


def _gauge(name: str, text: str, type_: ColumnType = ColumnType.FLOAT) -> Column:
    return Column(name, type_, ColumnKind.GAUGE, text)


def _counter(name: str, text: str, type_: ColumnType = ColumnType.INTEGER) -> Column:
    return Column(name, type_, ColumnKind.COUNTER, text)


def _attribute(name: str, text: str, type_: ColumnType = ColumnType.TEXT) -> Column:
    return Column(name, type_, ColumnKind.ATTRIBUTE, text)


_INT = ColumnType.INTEGER
_BOOL = ColumnType.BOOLEAN

CPU = Table(
    "cpu",
    "Time of each core by mode; core 'all' is the whole machine. The mode ratios of a row sum to 1.",
    (
        _key("core", "core number, or 'all'"),
        _gauge("user_ratio", "time in user mode, without nice and guest"),
        _gauge("nice_ratio", "time in user mode of niced processes"),
        _gauge("system_ratio", "time in the kernel"),
        _gauge("idle_ratio", "time with nothing to do"),
        _gauge("iowait_ratio", "idle time with disk requests outstanding"),
        _gauge("irq_ratio", "time serving hardware interrupts"),
        _gauge("softirq_ratio", "time serving soft interrupts"),
        _gauge("steal_ratio", "time the hypervisor gave to others"),
        _gauge("guest_ratio", "time running guests"),
        _gauge("busy_ratio", "1 - idle - iowait"),
        _gauge("frequency_hertz", "current frequency; the mean of the cores for 'all'"),
        _counter("seconds_total", "busy seconds since boot", ColumnType.FLOAT),
        _gauge("pressure_some_ratio", "share of the last 10 s in which some task waited for a CPU (only core 'all')"),
        _counter("context_switches_total", "context switches since boot (only core 'all')"),
        _counter("interrupts_total", "interrupts since boot (only core 'all')"),
        _gauge("limit_cores", "CPU limit of the agent's cgroup, in cores (only core 'all')"),
        _counter("throttled_seconds_total", "time the cgroup was throttled (only core 'all')", ColumnType.FLOAT),
    ),
)
LOAD = Table(
    "load",
    "Load averages and counts of tasks.",
    (
        _gauge("load1", "runnable and uninterruptible tasks, 1 minute average"),
        _gauge("load5", "the same over 5 minutes"),
        _gauge("load15", "the same over 15 minutes"),
        _gauge("cores", "logical cores online", _INT),
        _gauge("processes", "processes", _INT),
        _gauge("threads", "threads", _INT),
        _gauge("running", "tasks that run or could", _INT),
        _gauge("blocked", "tasks blocked on input or output", _INT),
        _gauge("uptime_seconds", "seconds since boot"),
        _gauge("users", "logged-in sessions", _INT),
        _gauge("file_handles", "open file handles of the system", _INT),
        _gauge("file_handles_limit", "the limit of open file handles", _INT),
        _gauge("clock_offset_seconds", "estimated offset of the clock, where the kernel knows it"),
        _gauge("clock_synchronized", "whether the kernel holds the clock for synchronized", _BOOL),
    ),
)
MEMORY = Table(
    "memory",
    "Memory, swap and the pressure on them.",
    (
        _gauge("total_bytes", "physical memory", _INT),
        _gauge("available_bytes", "what new work could use without swapping", _INT),
        _gauge("used_bytes", "total - available", _INT),
        _gauge("used_ratio", "used / total"),
        _gauge("free_bytes", "not used for anything", _INT),
        _gauge("buffers_bytes", "block device buffers", _INT),
        _gauge("cached_bytes", "page cache", _INT),
        _gauge("slab_bytes", "kernel slabs", _INT),
        _gauge("shared_bytes", "tmpfs and shared memory", _INT),
        _gauge("dirty_bytes", "waiting to be written to disk", _INT),
        _gauge("committed_bytes", "memory promised to processes", _INT),
        _gauge("hugepages_bytes", "memory reserved for huge pages", _INT),
        _gauge("swap_total_bytes", "swap space", _INT),
        _gauge("swap_used_bytes", "swap in use", _INT),
        _gauge("swap_used_ratio", "swap used / total; null without swap"),
        _gauge("swap_in_bytes_per_second", "read back from swap"),
        _gauge("swap_out_bytes_per_second", "written to swap"),
        _counter("page_faults_major_total", "page faults that read a disk, since boot"),
        _counter("oom_kills_total", "processes killed for want of memory, since boot"),
        _gauge("pressure_some_ratio", "share of the last 10 s in which some task waited for memory"),
        _gauge("pressure_full_ratio", "share of the last 10 s in which all tasks waited for memory"),
        _gauge("limit_bytes", "memory limit of the agent's cgroup", _INT),
        _gauge("cgroup_used_bytes", "memory the agent's cgroup uses", _INT),
    ),
)
DISK = Table(
    "disk",
    "Space and inodes of each mounted file system, without pseudo file systems, images, binds and containers' own mounts.",
    (
        _key("mount", "mount point"),
        _key("device", "device or source"),
        _key("fstype", "file system type"),
        _gauge("total_bytes", "size", _INT),
        _gauge("used_bytes", "in use", _INT),
        _gauge("free_bytes", "free for root", _INT),
        _gauge("available_bytes", "free for everybody", _INT),
        _gauge("used_ratio", "used / (used + available), as df shows it"),
        _gauge("inodes_total", "inodes", _INT),
        _gauge("inodes_used", "inodes in use", _INT),
        _gauge("inodes_used_ratio", "inodes used / total; null where there is no such count"),
        _gauge("read_only", "whether it is mounted read-only", _BOOL),
    ),
)
DISK_IO = Table(
    "disk_io",
    "Work of each whole block device, without partitions, loop and memory devices. Rates and times are means over the interval.",
    (
        _key("device", "kernel name"),
        _counter("reads_total", "reads completed since boot"),
        _counter("writes_total", "writes completed since boot"),
        _counter("read_bytes_total", "bytes read since boot"),
        _counter("written_bytes_total", "bytes written since boot"),
        _gauge("reads_per_second", "reads completed"),
        _gauge("writes_per_second", "writes completed"),
        _gauge("read_bytes_per_second", "bytes read"),
        _gauge("written_bytes_per_second", "bytes written"),
        _gauge("read_await_seconds", "mean time of a read, queueing included; null without reads"),
        _gauge("write_await_seconds", "mean time of a write, queueing included; null without writes"),
        _gauge("utilization_ratio", "share of time with a request in flight"),
        _gauge("queue_length", "mean requests in flight"),
        _gauge("in_flight", "requests in flight at this moment", _INT),
        _counter("discards_total", "discards completed since boot"),
        _counter("flushes_total", "flushes completed since boot"),
    ),
)
NETWORK = Table(
    "network",
    "Traffic of each network interface, without the ends of virtual cables into containers and guests (veth, cali, vnet …).",
    (
        _key("interface", "interface name"),
        _counter("received_bytes_total", "bytes received"),
        _counter("sent_bytes_total", "bytes sent"),
        _counter("received_packets_total", "packets received"),
        _counter("sent_packets_total", "packets sent"),
        _counter("received_errors_total", "receive errors"),
        _counter("sent_errors_total", "send errors"),
        _counter("received_drops_total", "received packets dropped"),
        _counter("sent_drops_total", "packets dropped before sending"),
        _gauge("received_bytes_per_second", "bytes received"),
        _gauge("sent_bytes_per_second", "bytes sent"),
        _gauge("received_packets_per_second", "packets received"),
        _gauge("sent_packets_per_second", "packets sent"),
        _gauge("errors_per_second", "errors in both directions"),
        _gauge("drops_per_second", "drops in both directions"),
        _gauge("speed_bits_per_second", "link speed, where the driver tells", _INT),
        _attribute("duplex", "full or half, where the driver tells"),
        _attribute("state", "operational state: up, down, unknown …"),
        _gauge("mtu_bytes", "largest packet", _INT),
        _attribute("kind", "physical, wireless, bridge, bond, vlan, tunnel, loopback, virtual …"),
        _attribute("primary", "whether the default route uses it", _BOOL),
    ),
)
PROCESS = Table(
    "process",
    "The top processes by CPU, memory and input/output; a process stands once, at its best rank.",
    (
        _key("rank", "rank by CPU, then memory, then input/output, from 1", _INT),
        _key("pid", "process id", _INT),
        _key("name", "name of the program"),
        _key("user", "owner"),
        _gauge("cpu_ratio", "CPU used, in cores: 1.0 is one core"),
        _gauge("memory_bytes", "resident set", _INT),
        _gauge("memory_ratio", "resident set / physical memory"),
        _gauge("read_bytes_per_second", "bytes read from storage"),
        _gauge("written_bytes_per_second", "bytes written to storage"),
        _gauge("threads", "threads", _INT),
        _gauge("file_handles", "open file descriptors, where permitted", _INT),
        _attribute("state", "kernel state letter"),
        _attribute("command", "command line, its arguments masked unless configured"),
        _attribute("container", "container id or name from the cgroup"),
        _attribute("unit", "systemd unit from the cgroup"),
        _gauge("started_at_seconds", "Unix seconds of its start"),
        _counter("cpu_seconds_total", "CPU seconds since its start", ColumnType.FLOAT),
    ),
)
GPU = Table(
    "gpu",
    "Each GPU or MIG instance. A value the device does not report is null.",
    (
        _key("index", "index, or index:instance for MIG"),
        _key("uuid", "UUID of the device"),
        _key("name", "product name"),
        _gauge("utilization_ratio", "share of time in which a kernel ran"),
        _gauge("memory_utilization_ratio", "share of time in which memory was read or written"),
        _gauge("memory_used_bytes", "device memory in use", _INT),
        _gauge("memory_total_bytes", "device memory", _INT),
        _gauge("memory_used_ratio", "used / total"),
        _gauge("temperature_celsius", "temperature of the die"),
        _gauge("memory_temperature_celsius", "temperature of the memory"),
        _gauge("power_watts", "power drawn"),
        _gauge("power_limit_watts", "enforced power limit"),
        _gauge("fan_ratio", "fan speed of its maximum"),
        _gauge("clock_sm_hertz", "clock of the multiprocessors"),
        _gauge("clock_memory_hertz", "clock of the memory"),
        _gauge("pcie_received_bytes_per_second", "PCIe traffic to the device"),
        _gauge("pcie_sent_bytes_per_second", "PCIe traffic from the device"),
        _gauge("encoder_ratio", "load of the video encoder"),
        _gauge("decoder_ratio", "load of the video decoder"),
        _counter("ecc_errors_corrected_total", "corrected memory errors"),
        _counter("ecc_errors_uncorrected_total", "uncorrected memory errors"),
        _attribute("throttle_reasons", "why clocks are held back, comma separated"),
        _attribute("performance_state", "P0 (fastest) to P15"),
        _gauge("processes", "processes using it", _INT),
        _attribute("mig", "MIG profile of an instance"),
    ),
)
GPU_PROCESS = Table(
    "gpu_process",
    "Each process on each GPU.",
    (
        _key("index", "index of the GPU, or index:instance"),
        _key("uuid", "UUID of the device"),
        _key("pid", "process id", _INT),
        _key("name", "name of the program"),
        _gauge("memory_bytes", "device memory it holds", _INT),
        _attribute("kind", "compute or graphics"),
        _gauge("utilization_ratio", "its share of the multiprocessors"),
    ),
)
CONTAINER = Table(
    "container",
    "Each container that cgroup v2 shows, as a container and not as a pile of processes.",
    (
        _key("id", "container id, short form"),
        _key("name", "name where the runtime tells it, else the id"),
        _key("runtime", "docker, podman, containerd, cri-o, lxc, systemd-nspawn or kubepods"),
        _gauge("cpu_ratio", "CPU used, in cores"),
        _gauge("cpu_limit_cores", "CPU limit, in cores"),
        _gauge("throttled_ratio", "share of the interval in which it was throttled"),
        _counter("cpu_seconds_total", "CPU seconds since its start", ColumnType.FLOAT),
        _gauge("memory_bytes", "memory it uses, page cache included", _INT),
        _gauge("memory_working_bytes", "memory it uses without inactive page cache", _INT),
        _gauge("memory_limit_bytes", "memory limit", _INT),
        _gauge("read_bytes_per_second", "bytes read from block devices"),
        _gauge("written_bytes_per_second", "bytes written to block devices"),
        _gauge("processes", "processes and threads in it", _INT),
        _gauge("processes_limit", "the limit of them", _INT),
        _counter("oom_kills_total", "processes killed in it for want of memory"),
        _gauge("pressure_memory_some_ratio", "share of the last 10 s in which some task waited for memory"),
    ),
)
SENSOR = Table(
    "sensor",
    "Temperatures, fans, voltages and power from hwmon and thermal zones.",
    (
        _key("chip", "chip or zone"),
        _key("label", "label of the sensor"),
        _key("kind", "temperature, fan, voltage, current, power"),
        _gauge("value", "in celsius, rotations per minute, volts, amperes, watts"),
        _gauge("high", "high limit in the same unit"),
        _gauge("critical", "critical limit in the same unit"),
    ),
)
SMART = Table(
    "smart",
    "Health of each drive, as smartctl reports it.",
    (
        _key("device", "device path"),
        _attribute("model", "model name"),
        _attribute("serial", "serial number"),
        _attribute("protocol", "ATA, NVMe or SCSI"),
        _gauge("passed", "the drive's own verdict", _BOOL),
        _gauge("temperature_celsius", "temperature"),
        _counter("power_on_seconds_total", "powered-on time"),
        _counter("power_cycles_total", "power cycles"),
        _counter("reallocated_sectors_total", "sectors replaced by spares"),
        _gauge("pending_sectors", "sectors waiting for a rewrite", _INT),
        _counter("uncorrectable_errors_total", "errors that could not be corrected"),
        _counter("crc_errors_total", "errors on the cable"),
        _gauge("wear_ratio", "endurance used, from 0; above 1 is past the rating"),
        _gauge("spare_ratio", "spare blocks left"),
        _counter("media_errors_total", "media errors (NVMe)"),
        _counter("written_bytes_total", "bytes written in its life"),
        _counter("read_bytes_total", "bytes read in its life"),
        _gauge("capacity_bytes", "capacity", _INT),
    ),
)
PROBE = Table(
    "probe",
    "Latency to configured targets.",
    (
        _key("target", "what is probed, as configured"),
        _key("kind", "icmp, tcp, http or dns"),
        _gauge("success", "whether it answered as it should", _BOOL),
        _gauge("latency_seconds", "mean time to the answer; null without one"),
        _gauge("latency_min_seconds", "least of the tries"),
        _gauge("latency_max_seconds", "most of the tries"),
        _gauge("loss_ratio", "share of tries without an answer"),
        _gauge("status_code", "HTTP status", _INT),
        _gauge("certificate_expiry_seconds", "seconds until the TLS certificate expires"),
        _attribute("error", "why it failed"),
    ),
)
UNIT = Table(
    "unit",
    "systemd units that failed, restart or were seen failing, and the totals in the row named '*'.",
    (
        _key("name", "unit name, '*' for the totals"),
        _attribute("load_state", "loaded, not-found, masked …"),
        _attribute("active_state", "active, failed, activating …"),
        _attribute("sub_state", "running, auto-restart, failed …"),
        _attribute("result", "why it ended: exit-code, oom-kill, timeout …"),
        _counter("restarts_total", "automatic restarts"),
        _gauge("failed", "failed units (row '*') or 1", _INT),
        _gauge("active", "active units (row '*') or 0/1", _INT),
    ),
)
AGENT = Table(
    "agent",
    "The agent itself and each collector (row 'agent' is the whole process).",
    (
        _key("collector", "collector name, or 'agent'"),
        _gauge("ok", "whether the last collection succeeded", _BOOL),
        _attribute("error", "why it did not"),
        _gauge("duration_seconds", "time of the last collection"),
        _gauge("rows", "rows it returned", _INT),
        _counter("runs_total", "collections begun"),
        _counter("failures_total", "collections that raised"),
        _counter("timeouts_total", "collections that took too long"),
        _counter("overruns_total", "ticks skipped because the last collection still ran"),
        _gauge("interval_seconds", "its interval"),
        _counter("cpu_seconds_total", "CPU seconds of the agent (row 'agent')", ColumnType.FLOAT),
        _gauge("cpu_ratio", "CPU of the agent, in cores (row 'agent')"),
        _gauge("memory_bytes", "resident set of the agent (row 'agent')", _INT),
        _gauge("spool_bytes", "bytes waiting for the server (row 'agent')", _INT),
        _gauge("spool_batches", "batches waiting (row 'agent')", _INT),
        _gauge("spool_limit_bytes", "bytes that may wait (row 'agent')", _INT),
        _gauge("spool_oldest_seconds", "age of the oldest batch that waits, zero when none does (row 'agent')"),
        _counter("batches_sent_total", "batches acknowledged (row 'agent')"),
        _counter("batches_resent_total", "batches sent once more, for want of an answer (row 'agent')"),
        _counter("batches_thinned_total", "batches left out, so that others keep their room (row 'agent')"),
        _counter("batches_dropped_total", "batches dropped for want of room or for their age (row 'agent')"),
        _counter("batches_damaged_total", "batches that did not read back from the disk (row 'agent')"),
        _counter("send_failures_total", "failed attempts to send (row 'agent')"),
        _attribute("version", "version of the agent (row 'agent')"),
    ),
)
EVENTS = Table(
    "events",
    "What happened: agent starts, boots, unit failures, kills for want of memory, people's notes.",
    (
        _key("id", "id of the event, unique"),
        _key("kind", "dotted kind: agent.start, host.boot, unit.failed, kernel.oom_kill, note …"),
        _attribute("severity", "0 info, 1 warning, 2 high, 3 critical", _INT),
        _attribute("source", "who said so: agent, server, or a person"),
        _attribute("text", "one sentence"),
        _attribute("attributes", "further facts", ColumnType.MAP),
    ),
)
ANOMALIES = Table(
    "anomalies",
    "Rows that were unlike the past of their series, and series that stopped: as the server scores the gauges of our own tables.",
    (
        _key("table_name", "the table of the series"),
        _key("column_name", "its column"),
        _key("series", "its keys: mount=/, device=sda1; empty where the table has none"),
        _attribute("kind", "value: the row was unlike; stopped: no row came for long"),
        _gauge("score", "how unlike, from 0.5 (worth a look) to 1"),
        _gauge("value", "what the row said; null where the series stopped"),
        _gauge("expected", "the mean of the series before"),
    ),
)

SAMPLES = Table(
    "samples",
    "What came by a foreign protocol: one row a value, of all series that anybody sent.",
    (
        _key("name", "metric name, as its sender says it"),
        _key("labels", "the other labels of the series, by name", ColumnType.MAP),
        _gauge("value", "the value bit for bit; null where the sender said that the series ended (a stale marker)"),
    ),
)
SAMPLES_LAST = Table(
    "samples_last",
    "The newest sample of every series, straight from memory.",
    SAMPLES.columns,
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            CPU, LOAD, MEMORY, DISK, DISK_IO, NETWORK, PROCESS, CONTAINER, GPU, GPU_PROCESS,
            SENSOR, SMART, PROBE, UNIT, AGENT, EVENTS, ANOMALIES,
        )
    }
)  # fmt: skip

# Written by no agent and kept apart from the tables above: a host's column is empty where a series names no host.
SAMPLE_TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in (SAMPLES, SAMPLES_LAST)})
