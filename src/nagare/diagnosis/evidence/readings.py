"""The readings: which numbers are looked at, and from where on they are worth a look. A table, so that one more is one line.

Where a shipped rule of alerts judges the same number, its bound is the alarm here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.diagnosis.evidence.reading import Reading

_WHOLE = "core = 'all'"
_WAIT = "greatest(coalesce(read_await_seconds, 0), coalesce(write_await_seconds, 0))"
# The fuller of both directions: links are full duplex.
_TRAFFIC = "8 * greatest(received_bytes_per_second, sent_bytes_per_second) / nullif(speed_bits_per_second, 0)"
_THROTTLED = "CASE WHEN regexp_matches(throttle_reasons, 'thermal|slowdown|brake') THEN 1 ELSE 0 END"
_DISK, _INTERFACE, _PROBE, _GPU = "disk {device}", "interface {interface}", "probe {target}", "GPU {index}"

READINGS: Mapping[str, Reading] = MappingProxyType(
    {
        reading.name: reading
        for reading in (
            Reading("cpu_busy", "cpu", "busy_ratio", "busy", "ratio", 0.75, 0.92, 1.5, where=_WHOLE),
            Reading("cpu_iowait", "cpu", "iowait_ratio", "waiting for disks", "ratio", 0.15, 0.5, where=_WHOLE),
            Reading("cpu_steal", "cpu", "steal_ratio", "stolen by the hypervisor", "ratio", 0.1, 0.2, where=_WHOLE),
            Reading("cpu_pressure", "cpu", "pressure_some_ratio", "tasks waiting for a CPU", "ratio", 0.3, 0.8, where=_WHOLE),
            Reading("load", "load", "load1 / greatest(cores, 1)", "runnable tasks a core", "", 1.5, 4.0),
            Reading("blocked", "load", "blocked", "tasks blocked on input or output", "count", 2.0, 20.0),
            # Kernels of small machines number 32,768 tasks; a few thousand, and several times the usual, run away.
            Reading("threads", "load", "threads", "threads", "count", 4000.0, factor=4.0),
            Reading("clock_offset", "load", "abs(clock_offset_seconds)", "clock offset", "seconds", 0.1, 0.5, about="clock"),
            Reading(
                "clock_step", "load", "epoch(ts) - uptime_seconds", "moved against the time since the start by", "seconds",
                2.0, 5.0, about="clock", is_step=True,
            ),
            Reading(
                "file_handles", "load", "file_handles / nullif(file_handles_limit, 0)", "of all file handles open", "ratio",
                0.8, 0.95, 1.1, about="file handles",
            ),
            Reading("memory_used", "memory", "used_ratio", "used", "ratio", 0.85, 0.95, 1.2),
            Reading("memory_pressure", "memory", "pressure_full_ratio", "all tasks waiting for memory", "ratio", 0.05, 0.1),
            Reading(
                "swapping", "memory", "coalesce(swap_in_bytes_per_second, 0) + coalesce(swap_out_bytes_per_second, 0)",
                "moved to and from swap", "bytes_per_second", 2.0**20, 64 * 2.0**20,
            ),
            Reading(
                "disk_used", "disk", "used_ratio", "full", "ratio", 0.85, 0.95, 1.02, ("mount",),
                "NOT coalesce(read_only, false)", "file system {mount}",
            ),
            Reading(
                "inodes_used", "disk", "inodes_used_ratio", "of its inodes used", "ratio", 0.85, 0.95, 1.02, ("mount",),
                "NOT coalesce(read_only, false)", "file system {mount}",
            ),
            Reading(
                "read_only", "disk", "CASE WHEN read_only THEN 1 ELSE 0 END", "of the time read-only", "ratio", 0.5,
                keys=("mount",), about="file system {mount}",
            ),
            Reading("disk_wait", "disk_io", _WAIT, "a request takes", "seconds", 0.03, 0.1, 3.0, ("device",), about=_DISK),
            Reading("disk_busy", "disk_io", "utilization_ratio", "at work", "ratio", 0.8, 0.95, 1.5, ("device",), about=_DISK),
            Reading(
                "network_errors", "network", "errors_per_second", "errors", "per_second", 0.2, 1.0, 3.0, ("interface",),
                about=_INTERFACE,
            ),
            Reading(
                "network_drops", "network", "drops_per_second", "packets dropped", "per_second", 2.0, 50.0, 5.0,
                ("interface",), about=_INTERFACE,
            ),
            Reading(
                "network_used", "network", _TRAFFIC, "of its speed in use", "ratio", 0.8, 0.95, 1.5, ("interface",),
                about=_INTERFACE,
            ),
            Reading(
                "probe_failed", "probe", "CASE WHEN success THEN 0 ELSE 1 END", "attempts that fail", "ratio", 0.3, 0.5, 2.0,
                ("target", "kind"), about=_PROBE,
            ),
            Reading(
                "probe_loss", "probe", "loss_ratio", "tries without an answer", "ratio", 0.05, 0.2, 3.0, ("target", "kind"),
                about=_PROBE,
            ),
            Reading(
                "probe_latency", "probe", "latency_seconds", "answers after", "seconds", 0.1, 5.0, 4.0, ("target", "kind"),
                about=_PROBE,
            ),
            Reading("gpu_temperature", "gpu", "temperature_celsius", "temperature", "celsius", 85.0, 92.0, 1.2, ("index",), about=_GPU),
            Reading("gpu_throttled", "gpu", _THROTTLED, "of the time held back", "ratio", 0.3, 0.5, 2.0, ("index",), about=_GPU),
            Reading(
                "too_hot", "sensor", "value / nullif(critical, 0)", "of its critical temperature", "ratio", 0.95, 1.0, 1.1,
                ("chip", "label"), "kind = 'temperature' AND critical > 0", "sensor {chip} {label}",
            ),
            Reading(
                "container_memory", "container", "memory_working_bytes / nullif(memory_limit_bytes, 0)",
                "of its memory limit used", "ratio", 0.9, 0.97, 1.2, ("name",), about="container {name}",
            ),
            Reading(
                "container_throttled", "container", "throttled_ratio", "of the time throttled", "ratio", 0.3, 0.6, 2.0,
                ("name",), about="container {name}",
            ),
        )
    }
)  # fmt: skip
