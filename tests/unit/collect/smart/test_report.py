"""Drives' reports by smartctl."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.smart.report import Drive, parse_drives, parse_report
from tests.unit.collect.trees import captured


def report(name: str) -> dict[str, Any]:
    row = parse_report("/dev/x", captured(f"smartctl/{name}.json"))
    assert row is not None
    return dict(row)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "nvme",
            {
                "model": "Samsung SSD 980 PRO 1TB", "protocol": "NVMe", "passed": True, "temperature_celsius": 41,
                "power_on_seconds_total": 8123 * 3600, "wear_ratio": 0.03, "spare_ratio": 1.0, "media_errors_total": 0,
                "written_bytes_total": 44120021 * 512000, "capacity_bytes": 1000204886016, "pending_sectors": None,
            },
        ),
        (
            "sata_ssd",
            {
                "reallocated_sectors_total": 0, "uncorrectable_errors_total": 2, "crc_errors_total": 1,
                "wear_ratio": 0.08, "written_bytes_total": 41203311204 * 512, "read_bytes_total": None,
                "power_cycles_total": 301, "spare_ratio": None,
            },
        ),
        (
            "sata_hdd_failing",
            {
                "passed": False, "reallocated_sectors_total": 4120, "pending_sectors": 1872,
                "uncorrectable_errors_total": 1872, "power_on_seconds_total": 30122 * 3600 + 1800, "wear_ratio": None,
            },
        ),
        (
            "sas",
            {
                "model": "SEAGATE ST1200MM0088", "protocol": "SCSI", "reallocated_sectors_total": 7,
                "uncorrectable_errors_total": 3, "read_bytes_total": 120311402000000, "temperature_celsius": 29,
            },
        ),
        (
            "ssd_endurance",
            {
                "wear_ratio": 1.04, "spare_ratio": 0.98, "written_bytes_total": 1000 * 32 * 2**20,
                "read_bytes_total": 5 * 2**30,
            },
        ),
    ],
)  # fmt: skip
def test_drive(name: str, expected: dict[str, Any]) -> None:
    row = report(name)
    assert {column: row[column] for column in expected} == expected


def test_sleeping_drive_has_no_row() -> None:
    assert parse_report("/dev/sdc", captured("smartctl/standby.json")) is None


def test_failing_bit_overrules_a_kind_verdict() -> None:
    tree = json.loads(captured("smartctl/nvme.json"))
    tree["smartctl"]["exit_status"] = 8
    row = parse_report("/dev/x", json.dumps(tree).encode())
    assert row is not None
    assert row["passed"] is False


def test_scan_tells_drives_behind_one_path_apart() -> None:
    assert parse_drives(captured("smartctl/scan.json")) == [
        Drive("/dev/sda", "sat", "/dev/sda"),
        Drive("/dev/nvme0", "nvme", "/dev/nvme0"),
        Drive("/dev/bus/0", "megaraid,0", "/dev/bus/0[megaraid,0]"),
        Drive("/dev/bus/0", "megaraid,1", "/dev/bus/0[megaraid,1]"),
    ]


def test_scan_never_yields_an_option() -> None:
    scan = {"devices": [{"name": "-a", "type": "sat"}, {"name": "/dev/a", "type": "--x"}, {"name": 5, "type": "sat"}]}
    assert parse_drives(json.dumps(scan).encode()) == []


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["smartctl", "exit_status", "nvme_smart_health_information_log", "ata_smart_attributes", "table", "id",
                 "raw", "value", "name", "device", "protocol", "scsi_error_counter_log", "read", "gigabytes_processed",
                 "power_on_time", "hours", "data_units_written", "devices", "type", "endurance_used", "current_percent"]
            ),
            inner, max_size=4,
        )
    ),
)  # fmt: skip


@given(SHAPES)
def test_any_shape(tree: Any) -> None:
    raw = json.dumps(tree).encode()
    parse_report("/dev/x", raw)
    parse_drives(raw)


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    assert parse_report("/dev/x", raw) is None or raw
    assert parse_drives(raw) == []
