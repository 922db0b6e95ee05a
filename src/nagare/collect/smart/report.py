"""Reads the JSON of ``smartctl``: pure functions from a drive's report to the columns of ``smart``.

Raw values of ATA attributes mean what each vendor wanted; only those with one common meaning are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nagare.collect.reading.rows import Row
from nagare.collect.reading.tree import dig, dig_dicts, dig_integer, dig_number, dig_text, parse_json

# Bits of smartctl's exit status.
OPEN_FAILED = 0x02
_FAILING = 0x08

_REALLOCATED, _PENDING, _UNCORRECTABLE, _REPORTED, _CRC = 5, 197, 198, 187, 199
_WRITTEN, _READ = 241, 242
# NVMe counts its traffic in thousands of 512 bytes.
_NVME_UNIT_BYTES = 512_000
# Attributes whose normalized value falls from 100 as the drive wears, by name.
_WEAR_NAMES = frozenset(
    (
        "Media_Wearout_Indicator", "Wear_Leveling_Count", "SSD_Life_Left", "Percent_Lifetime_Remain",
        "Remaining_Lifetime_Perc", "Percent_Life_Remaining", "Drive_Life_Remaining%",
    )
)  # fmt: skip
# How the name of a traffic attribute tells its unit.
_TRAFFIC_UNITS = (("32mib", 32 * 2**20), ("gib", 2**30), ("mib", 2**20), ("gb", 10**9))


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive to ask: ``type`` says how (sat, nvme, megaraid,3 …), ``label`` tells it from its neighbours."""

    path: str
    type: str
    label: str


def parse_drives(output: bytes) -> list[Drive]:
    """Return the drives of ``smartctl --scan-open`` that could be opened."""
    drives: list[Drive] = []
    for entry in dig_dicts(parse_json(output), "devices"):
        path, type_ = dig_text(entry, "name"), dig_text(entry, "type")
        if path and type_ and path.startswith("/") and not type_.startswith("-") and "open_error" not in entry:
            drives.append(Drive(path, type_, path))
    paths = [drive.path for drive in drives]
    # Behind a RAID controller all drives share one path: the type tells them apart.
    return [
        drive if paths.count(drive.path) == 1 else Drive(drive.path, drive.type, f"{drive.path}[{drive.type}]")
        for drive in drives
    ]


def parse_report(label: str, output: bytes) -> Row | None:
    """Return the row of one drive, or None when it sleeps or told nothing."""
    report = parse_json(output)
    status = dig_integer(report, "smartctl", "exit_status") or 0
    if not isinstance(report, dict) or status & OPEN_FAILED:
        return None
    nvme = dig(report, "nvme_smart_health_information_log")
    attributes = dict(_attributes(report))
    row = _identity(label, report) | _common(report)
    row |= _nvme(nvme) if isinstance(nvme, dict) else _ata(report, attributes)
    if row["protocol"] == "SCSI":
        row |= _scsi(report)
    row["passed"] = False if status & _FAILING else row["passed"]
    return row if any(value is not None for value in row.values()) else None


def _identity(label: str, report: Any) -> dict[str, Any]:
    passed = dig(report, "smart_status", "passed")
    return {
        "device": label,
        "model": dig_text(report, "model_name") or dig_text(report, "scsi_model_name"),
        "serial": dig_text(report, "serial_number"),
        "protocol": dig_text(report, "device", "protocol"),
        "passed": passed if isinstance(passed, bool) else None,
    }


def _common(report: Any) -> dict[str, Any]:
    hours = dig_integer(report, "power_on_time", "hours")
    minutes = dig_integer(report, "power_on_time", "minutes") or 0
    used = dig_number(report, "endurance_used", "current_percent")
    spare = dig_number(report, "spare_available", "current_percent")
    return {
        "temperature_celsius": dig_number(report, "temperature", "current"),
        "power_on_seconds_total": None if hours is None else hours * 3600 + minutes * 60,
        "power_cycles_total": dig_integer(report, "power_cycle_count"),
        "capacity_bytes": dig_integer(report, "user_capacity", "bytes") or dig_integer(report, "nvme_total_capacity"),
        "wear_ratio": _percent(used),
        "spare_ratio": _percent(spare),
        "media_errors_total": None,
    }


def _percent(value: float | None) -> float | None:
    return None if value is None else value / 100


def _nvme(log: Mapping[str, Any]) -> dict[str, Any]:
    written, read = dig_integer(log, "data_units_written"), dig_integer(log, "data_units_read")
    return {
        "reallocated_sectors_total": None,
        "pending_sectors": None,
        "uncorrectable_errors_total": None,
        "crc_errors_total": None,
        "media_errors_total": dig_integer(log, "media_errors"),
        "wear_ratio": _percent(dig_number(log, "percentage_used")),
        "spare_ratio": _percent(dig_number(log, "available_spare")),
        "written_bytes_total": _times(written, _NVME_UNIT_BYTES),
        "read_bytes_total": _times(read, _NVME_UNIT_BYTES),
    }


def _ata(report: Any, attributes: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    def raw(number: int) -> int | None:
        return dig_integer(attributes.get(number), "raw", "value")

    uncorrectable = raw(_UNCORRECTABLE)
    columns = {
        "reallocated_sectors_total": raw(_REALLOCATED),
        "pending_sectors": raw(_PENDING),
        "uncorrectable_errors_total": raw(_REPORTED) if uncorrectable is None else uncorrectable,
        "crc_errors_total": raw(_CRC),
        "written_bytes_total": _traffic(report, attributes.get(_WRITTEN)),
        "read_bytes_total": _traffic(report, attributes.get(_READ)),
    }
    wear = None if dig_number(report, "endurance_used", "current_percent") is not None else _ata_wear(attributes)
    return columns | ({} if wear is None else {"wear_ratio": wear})


def _attributes(report: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for entry in dig_dicts(report, "ata_smart_attributes", "table"):
        number = dig_integer(entry, "id")
        if number is not None:
            yield number, entry


def _ata_wear(attributes: Mapping[int, dict[str, Any]]) -> float | None:
    for entry in attributes.values():
        value = dig_integer(entry, "value")
        if entry.get("name") in _WEAR_NAMES and value is not None and 0 <= value <= 100:
            return (100 - value) / 100
    return None


def _traffic(report: Any, entry: dict[str, Any] | None) -> int | None:
    name = (dig_text(entry, "name") or "").lower()
    amount = dig_integer(entry, "raw", "value")
    if "lba" in name:
        return _times(amount, dig_integer(report, "logical_block_size") or 512)
    unit = next((unit for mark, unit in _TRAFFIC_UNITS if mark in name), None)
    return None if unit is None else _times(amount, unit)


def _scsi(report: Any) -> dict[str, Any]:
    log = dig(report, "scsi_error_counter_log")
    kinds = ("read", "write", "verify")
    errors = [dig_integer(log, kind, "total_uncorrected_errors") for kind in kinds]
    known = [count for count in errors if count is not None]
    columns = {
        "reallocated_sectors_total": dig_integer(report, "scsi_grown_defect_list"),
        "uncorrectable_errors_total": sum(known) if known else None,
        "read_bytes_total": _gigabytes(dig(log, "read", "gigabytes_processed")),
        "written_bytes_total": _gigabytes(dig(log, "write", "gigabytes_processed")),
    }
    used = dig_number(report, "scsi_percentage_used_endurance_indicator")
    return columns | ({} if used is None else {"wear_ratio": used / 100})


def _gigabytes(value: Any) -> int | None:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return None
    return int(amount * 1e9) if 0 <= amount < 9e9 else None


def _times(amount: int | None, unit: int) -> int | None:
    if amount is None or amount < 0:
        return None
    product = amount * unit
    return product if product < 2**63 else None
