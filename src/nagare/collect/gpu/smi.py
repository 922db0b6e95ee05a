"""Reads what ``nvidia-smi`` prints: the way to GPUs where the NVML library cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nagare.collect.gpu.reading import Reading, format_reasons, gpu_row, process_row
from nagare.collect.reading.rows import Row, clean_text
from nagare.model.columns import Cell

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# (nvidia-smi's name, our column, what one of its units makes of ours); order is that of the CSV.
_NUMBERS: tuple[tuple[str, str, float], ...] = (
    ("utilization.gpu", "utilization_ratio", 0.01),
    ("utilization.memory", "memory_utilization_ratio", 0.01),
    ("temperature.gpu", "temperature_celsius", 1.0),
    ("temperature.memory", "memory_temperature_celsius", 1.0),
    ("power.draw", "power_watts", 1.0),
    ("enforced.power.limit", "power_limit_watts", 1.0),
    ("fan.speed", "fan_ratio", 0.01),
    ("clocks.sm", "clock_sm_hertz", 1e6),
    ("clocks.mem", "clock_memory_hertz", 1e6),
    ("utilization.encoder", "encoder_ratio", 0.01),
    ("utilization.decoder", "decoder_ratio", 0.01),
)
_INTEGERS: tuple[tuple[str, str, int], ...] = (
    ("memory.used", "memory_used_bytes", 2**20),
    ("memory.total", "memory_total_bytes", 2**20),
    ("ecc.errors.corrected.aggregate.total", "ecc_errors_corrected_total", 1),
    ("ecc.errors.uncorrected.aggregate.total", "ecc_errors_uncorrected_total", 1),
)
_TEXTS = ("index", "uuid", "name", "pstate", "clocks_throttle_reasons.active", "mig.mode.current")
FIELDS = (*_TEXTS, *(name for name, _, _ in _NUMBERS), *(name for name, _, _ in _INTEGERS))
# The process's name stands last, since it is the only field that may hold a comma.
PROCESS_FIELDS = ("gpu_uuid", "pid", "used_gpu_memory", "process_name")
_FORMAT = "--format=csv,noheader,nounits"


def gpu_arguments(fields: Iterable[str] = FIELDS) -> tuple[str, ...]:
    """Return the arguments that ask for ``fields`` of every GPU."""
    return f"--query-gpu={','.join(fields)}", _FORMAT


def process_arguments() -> tuple[str, ...]:
    """Return the arguments that ask for every process that computes."""
    return f"--query-compute-apps={','.join(PROCESS_FIELDS)}", _FORMAT


def find_refused_field(output: bytes) -> str | None:
    """Return the field that an older driver does not know, from its refusal; None when it refused nothing."""
    text = clean_text(output, 2000)
    if "is not a valid field to query" not in text:
        return None
    return next((field for field in FIELDS if f'"{field}"' in text), None)


def parse_gpus(output: bytes, fields: tuple[str, ...] = FIELDS) -> tuple[list[Row], bool]:
    """Return the rows of ``gpu``, and whether any GPU is divided into MIG instances."""
    rows: list[Row] = []
    has_mig = False
    for line in clean_text(output, 2**20).splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) != len(fields):
            continue
        told = dict(zip(fields, values, strict=True))
        if not told.get("index", "").isdecimal() or not _known(told.get("uuid")):
            continue
        has_mig = has_mig or told.get("mig.mode.current") == "Enabled"
        rows.append(gpu_row(_columns(told)))
    return rows, has_mig


def _columns(told: dict[str, str]) -> dict[str, Cell]:
    known: dict[str, Cell] = {"index": told["index"], "uuid": told["uuid"], "name": _known(told.get("name"))}
    for name, column, unit in _NUMBERS:
        number = _number(told.get(name))
        known[column] = None if number is None else round(number * unit, 6)
    for name, column, size in _INTEGERS:
        known[column] = _integer(told.get(name), size)
    known["performance_state"] = _known(told.get("pstate"))
    known["throttle_reasons"] = format_reasons(_bits(told.get("clocks_throttle_reasons.active")))
    return known


def parse_processes(output: bytes, indexes: dict[str, str]) -> list[Row]:
    """Return the rows of ``gpu_process``; ``indexes`` tells the index of a UUID."""
    rows: list[Row] = []
    for line in clean_text(output, 2**20).splitlines():
        values = [value.strip() for value in line.split(",", len(PROCESS_FIELDS) - 1)]
        if len(values) != len(PROCESS_FIELDS) or not values[1].isdecimal() or len(values[1]) > 10:
            continue
        uuid, pid, memory, name = values
        rows.append(
            process_row({
                "index": indexes.get(uuid), "uuid": uuid, "pid": int(pid), "kind": "compute",
                "name": (_known(name) or "").rsplit("/", 1)[-1] or None, "memory_bytes": _integer(memory, 2**20),
            })
        )  # fmt: skip
    return [row for row in rows if row["index"] is not None]


def parse_instances(output: bytes) -> Reading:
    """Return the MIG instances and their processes in the XML of ``nvidia-smi -q -x``."""
    # Only hosts with divided GPUs and without NVML pay for the parser.
    import xml.etree.ElementTree as ET  # noqa: PLC0415  see above

    reading = Reading()
    try:
        root = ET.fromstring(output)  # noqa: S314  it comes from the driver's own program
    except (ET.ParseError, ValueError):
        return reading
    for index, gpu in enumerate(root.iter("gpu")):
        name = _text(gpu, "product_name")
        keys: dict[str, tuple[str, str]] = {}
        for device in gpu.iter("mig_device"):
            number, instance = _text(device, "index"), _text(device, "gpu_instance_id")
            # Older drivers tell no UUID of the instance here: the device's own and the instance name it.
            uuid = _text(device, "uuid") or f"{_text(gpu, 'uuid')}/{instance}"
            keys[instance] = (f"{index}:{number}", uuid)
            reading.gpus.append(gpu_row(_instance_columns(device, f"{index}:{number}", uuid, name)))
        reading.processes.extend(_instance_processes(gpu, keys))
    return reading


def _instance_columns(device: Element, key: str, uuid: str, name: str) -> dict[str, Cell]:
    return {
        "index": key,
        "uuid": uuid,
        "name": name,
        "mig": _text(device, "device_attributes/shared/profile") or f"instance {_text(device, 'gpu_instance_id')}",
        "memory_used_bytes": _integer(_amount(device, "fb_memory_usage/used"), 2**20),
        "memory_total_bytes": _integer(_amount(device, "fb_memory_usage/total"), 2**20),
        "ecc_errors_uncorrected_total": _integer(_text(device, "ecc_error_count/volatile_count/sram_uncorrectable"), 1),
    }


def _instance_processes(gpu: Element, keys: dict[str, tuple[str, str]]) -> Iterable[Row]:
    for process in gpu.iter("process_info"):
        key, uuid = keys.get(_text(process, "gpu_instance_id"), (None, None))
        pid = _text(process, "pid")
        if key is not None and pid.isdecimal() and len(pid) <= 10:
            yield process_row({
                "index": key, "uuid": uuid, "pid": int(pid),
                "name": _text(process, "process_name").rsplit("/", 1)[-1] or None,
                "memory_bytes": _integer(_amount(process, "used_memory"), 2**20),
                "kind": "graphics" if _text(process, "type") == "G" else "compute",
            })  # fmt: skip


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()[:255]


def _amount(element: Element, path: str) -> str:
    return _text(element, path).removesuffix("MiB").strip()


def _known(value: str | None) -> str | None:
    # [N/A], [Not Supported], [Unknown Error], [GPU is lost], N/A
    return None if not value or value.startswith("[") or value == "N/A" else value[:255]


def _number(value: str | None) -> float | None:
    try:
        number = float(_known(value) or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _integer(value: str | None, unit: int) -> int | None:
    known = _known(value) or ""
    return int(known) * unit if known.isdecimal() and len(known) <= 12 else None


def _bits(value: str | None) -> int | None:
    try:
        return int(_known(value) or "", 16)
    except ValueError:
        return None
