"""The tabs of one host that are lists: which table each shows, with which columns, and what it says when empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nagare.lib.plain_text import plain
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

_TEXT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Section:
    """One list: ``columns`` are named like the table's own; ``keys`` name a row, ``sort`` its usual order as in an address."""

    id: str
    title: str
    table: str
    columns: tuple[ColumnSpec, ...]
    keys: tuple[str, ...]
    sort: str
    empty: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab with one list or two."""

    id: str
    title: str
    sections: tuple[Section, ...]


def _text(key: str, title: str, width: int, priority: int, *, grow: bool = False) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.TEXT, width, priority, grow=grow)


def _rate(key: str, title: str, priority: int) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.RATE, 8, priority)


def _bytes(key: str, title: str, priority: int) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.BYTES, 7, priority)


def _count(key: str, title: str, priority: int, width: int = 7) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.COUNT, width, priority)


def _seconds(key: str, title: str, priority: int) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.SECONDS, 7, priority)


def _ratio(key: str, title: str, priority: int, warn: float | None = None, crit: float | None = None) -> ColumnSpec:
    return ColumnSpec(key, title, CellKind.RATIO, 6, priority, warn, crit, gradient=warn is None)


_PROCESSES = Section(
    "processes", "Processes", "process",
    (
        ColumnSpec("pid", "pid", CellKind.NUMBER, 7, 1), _text("name", "program", 16, 0), _text("user", "user", 9, 2),
        _ratio("cpu_ratio", "cpu", 1), _bytes("memory_bytes", "memory", 1), _ratio("memory_ratio", "mem", 5),
        _rate("read_bytes_per_second", "read", 3), _rate("written_bytes_per_second", "write", 3),
        _count("threads", "threads", 7), _count("file_handles", "files", 9), _text("state", "st", 2, 6),
        _text("unit", "unit", 18, 8), _text("container", "container", 12, 10),
        _text("command", "command", 20, 2, grow=True),
    ),
    ("pid", "name"), "cpu_ratio.desc", "no process was reported for this moment",
)  # fmt: skip
CORES = Section(
    "cores", "Cores", "cpu",
    (
        _text("core", "core", 5, 0), _ratio("busy_ratio", "busy", 1), _ratio("user_ratio", "user", 2),
        _ratio("system_ratio", "system", 2), _ratio("iowait_ratio", "iowait", 3), _ratio("nice_ratio", "nice", 5),
        _ratio("irq_ratio", "irq", 6), _ratio("softirq_ratio", "soft", 6), _ratio("steal_ratio", "steal", 4),
        _ratio("guest_ratio", "guest", 7), _count("frequency_hertz", "clock", 3),
    ),
    ("core",), "core.asc", "no core was reported",
)  # fmt: skip
_MOUNTS = Section(
    "mounts", "File systems", "disk",
    (
        _text("mount", "mounted on", 18, 0, grow=True), _ratio("used_ratio", "used", 1, 0.90, 0.97),
        _bytes("used_bytes", "holds", 2), _bytes("available_bytes", "free", 1), _bytes("total_bytes", "size", 3),
        _ratio("inodes_used_ratio", "inodes", 4, 0.90, 0.97), _text("fstype", "type", 8, 5),
        _text("device", "device", 16, 6), _text("read_only", "ro", 3, 7),
    ),
    ("mount", "device"), "used_ratio.desc", "no file system was reported",
)  # fmt: skip
_DEVICES = Section(
    "devices", "Devices", "disk_io",
    (
        _text("device", "device", 12, 0, grow=True), _ratio("utilization_ratio", "busy", 1),
        _rate("read_bytes_per_second", "read", 1), _rate("written_bytes_per_second", "write", 1),
        _count("reads_per_second", "reads/s", 3), _count("writes_per_second", "write/s", 3),
        _seconds("read_await_seconds", "r wait", 2), _seconds("write_await_seconds", "w wait", 2),
        _count("queue_length", "queue", 4), _count("in_flight", "now", 5),
    ),
    ("device",), "utilization_ratio.desc", "no block device was reported",
)  # fmt: skip
_DRIVES = Section(
    "drives", "Drives", "smart",
    (
        _text("device", "drive", 12, 0), _text("model", "model", 20, 2, grow=True), _text("passed", "passed", 6, 1),
        ColumnSpec("temperature_celsius", "temp", CellKind.CELSIUS, 6, 1, 55.0, 65.0),
        _ratio("wear_ratio", "wear", 2, 0.80, 1.0), _count("reallocated_sectors_total", "realloc", 3),
        _count("pending_sectors", "pending", 3), _count("media_errors_total", "media", 4),
        _seconds("power_on_seconds_total", "on", 5), _text("serial", "serial", 16, 6),
    ),
    ("device",), "device.asc", "no drive reports about itself: smartctl is absent, or may not be run",
)  # fmt: skip
_INTERFACES = Section(
    "interfaces", "Interfaces", "network",
    (
        _text("interface", "interface", 14, 0, grow=True), _text("state", "state", 7, 2),
        _rate("received_bytes_per_second", "in", 1), _rate("sent_bytes_per_second", "out", 1),
        _count("received_packets_per_second", "pkt in", 3), _count("sent_packets_per_second", "pkt out", 3),
        _count("errors_per_second", "err/s", 2), _count("drops_per_second", "drop/s", 2),
        _count("speed_bits_per_second", "bit/s", 4), _text("duplex", "duplex", 6, 6), _count("mtu_bytes", "mtu", 7),
        _text("primary", "route", 5, 5), _bytes("received_bytes_total", "total in", 8),
        _bytes("sent_bytes_total", "tot out", 8),
    ),
    ("interface",), "received_bytes_per_second.desc", "no interface was reported",
)  # fmt: skip
_PROBES = Section(
    "probes", "Latency", "probe",
    (
        _text("target", "target", 20, 0, grow=True), _text("kind", "kind", 5, 1), _text("success", "answer", 6, 1),
        _seconds("latency_seconds", "mean", 1), _seconds("latency_min_seconds", "least", 3),
        _seconds("latency_max_seconds", "most", 3), _ratio("loss_ratio", "loss", 2, 0.01, 0.5),
        _count("status_code", "status", 4), _text("error", "error", 20, 2, grow=True),
    ),
    ("target", "kind"), "target.asc", "no target is configured: [[agent.probes]] in nagare.toml",
)  # fmt: skip
_GPUS = Section(
    "gpus", "GPUs", "gpu",
    (
        _text("index", "gpu", 4, 0), _text("name", "name", 18, 0, grow=True), _ratio("utilization_ratio", "busy", 1),
        _ratio("memory_used_ratio", "mem", 1), _bytes("memory_used_bytes", "used", 2),
        _bytes("memory_total_bytes", "size", 4), ColumnSpec("temperature_celsius", "temp", CellKind.CELSIUS, 6, 1, 85.0, 92.0),
        ColumnSpec("power_watts", "watts", CellKind.NUMBER, 6, 2), ColumnSpec("power_limit_watts", "limit", CellKind.NUMBER, 6, 6),
        _ratio("fan_ratio", "fan", 5), _count("clock_sm_hertz", "clock", 5), _text("performance_state", "perf", 4, 6),
        _text("throttle_reasons", "held back by", 14, 3), _count("processes", "procs", 4, 5), _text("mig", "mig", 8, 7),
    ),
    ("index", "uuid"), "index.asc", "this host has no GPU, or its driver does not answer",
)  # fmt: skip
_GPU_PROCESSES = Section(
    "gpu-processes", "On the GPUs", "gpu_process",
    (
        _text("index", "gpu", 4, 0), ColumnSpec("pid", "pid", CellKind.NUMBER, 7, 1), _text("name", "program", 20, 0, grow=True),
        _bytes("memory_bytes", "memory", 1), _ratio("utilization_ratio", "share", 2), _text("kind", "kind", 8, 3),
    ),
    ("index", "uuid", "pid"), "memory_bytes.desc", "no process uses a GPU",
)  # fmt: skip
_UNITS = Section(
    "units", "Units that failed or restart", "unit",
    (
        _text("name", "unit", 26, 0, grow=True), _text("active_state", "state", 10, 1), _text("sub_state", "sub", 12, 2),
        _text("result", "result", 12, 1), _count("restarts_total", "restarts", 2, 8), _text("load_state", "load", 9, 4),
    ),
    ("name",), "name.asc", "no unit failed; systemd may be absent here",
)  # fmt: skip
_CONTAINERS = Section(
    "containers", "Containers", "container",
    (
        _text("name", "name", 18, 0, grow=True), _ratio("cpu_ratio", "cpu", 1), _bytes("memory_working_bytes", "memory", 1),
        _bytes("memory_limit_bytes", "limit", 3), _ratio("throttled_ratio", "thrott", 2, 0.05, 0.5),
        _rate("read_bytes_per_second", "read", 4), _rate("written_bytes_per_second", "write", 4),
        _count("processes", "procs", 5), _count("oom_kills_total", "oom", 3, 5), _text("runtime", "runtime", 10, 6),
        _text("id", "id", 12, 7),
    ),
    ("id",), "cpu_ratio.desc", "no container runs here",
)  # fmt: skip
_SENSORS = Section(
    "sensors", "Sensors", "sensor",
    (
        _text("chip", "chip", 16, 0), _text("label", "sensor", 18, 0, grow=True), _text("kind", "kind", 11, 2),
        ColumnSpec("value", "value", CellKind.COUNT, 8, 1), _count("high", "high", 3), _count("critical", "critical", 3, 8),
    ),
    ("chip", "label", "kind"), "chip.asc", "no sensor is readable: usual in virtual machines and containers",
)  # fmt: skip
_AGENT = Section(
    "collectors", "Collectors", "agent",
    (
        _text("collector", "collector", 14, 0), _text("ok", "ok", 4, 1), _seconds("duration_seconds", "took", 1),
        _count("rows", "rows", 2, 6), _seconds("interval_seconds", "every", 3), _count("failures_total", "failed", 2),
        _count("timeouts_total", "late", 3, 6), _count("overruns_total", "skipped", 4),
        _text("error", "error", 20, 1, grow=True),
    ),
    ("collector",), "collector.asc", "the agent said nothing about itself yet",
)  # fmt: skip

_LIST_TABS = (
    Tab("processes", "Processes", (_PROCESSES,)),
    Tab("disks", "Disks", (_MOUNTS, _DEVICES, _DRIVES)),
    Tab("network", "Network", (_INTERFACES, _PROBES)),
    Tab("gpus", "GPUs", (_GPUS, _GPU_PROCESSES)),
    Tab("units", "Units", (_UNITS,)),
    Tab("containers", "Containers", (_CONTAINERS,)),
    Tab("sensors", "Sensors", (_SENSORS,)),
    Tab("agent", "Agent", (_AGENT,)),
)
LIST_TABS: Mapping[str, Tab] = MappingProxyType({tab.id: tab for tab in _LIST_TABS})
# All tabs in their order; those that are no lists are drawn by the page itself.
TAB_TITLES = (
    ("timeline", "Timeline"), ("processes", "Processes"), ("cores", "Cores"), ("disks", "Disks"),
    ("network", "Network"), ("gpus", "GPUs"), ("units", "Units"), ("containers", "Containers"),
    ("sensors", "Sensors"), ("events", "Events"), ("agent", "Agent"),
)  # fmt: skip
# Left out of the bar while the host has nothing of the kind; an address that names them still opens them.
OPTIONAL_TABS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"gpus": ("gpu",), "containers": ("container",), "sensors": ("sensor",), "units": ("unit",)}
)


def section_rows(section: Section, columns: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Return the rows of a list by key, from columns as a frame or a query brings them."""
    count = len(next(iter(columns.values()), ()))
    rows: dict[str, dict[str, Any]] = {}
    for index in range(count):
        key = "\x1f".join(str(columns[name][index]) for name in section.keys if name in columns)
        rows[key] = {spec.key: _cell(spec, columns[spec.key][index]) for spec in section.columns if spec.key in columns}
    return rows


def _cell(spec: ColumnSpec, value: Any) -> Any:
    if spec.is_numeric:
        return float(value) if isinstance(value, int | float) else None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else plain(str(value), _TEXT_LIMIT)
