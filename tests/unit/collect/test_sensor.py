"""Columns of sensor: hwmon chips and thermal zones."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.sensor import SensorCollector
from tests.unit.collect.trees import at, captured_host, copied_host, rows_of


def readings(root_name: str = "metal") -> dict[tuple[str, str], dict[str, object]]:
    collector = SensorCollector(captured_host(root_name))
    rows = rows_of(collector.collect(at(0)), "sensor")
    collector.close()
    return {(row["chip"], row["label"]): row for row in rows}


def test_chips_labels_and_limits() -> None:
    found = readings()
    package = found["coretemp", "Package id 0"]
    assert (package["kind"], package["value"], package["high"], package["critical"]) == (
        "temperature",
        54.0,
        80.0,
        100.0,
    )
    assert found["nct6779", "fan1"]["value"] == 1204.0
    assert (found["nct6779", "in0"]["kind"], found["nct6779", "in0"]["value"]) == ("voltage", 1.016)
    assert (found["nct6779", "curr1"]["kind"], found["nct6779", "curr1"]["value"]) == ("current", 0.85)
    assert (found["power_meter", "power1"]["kind"], found["power_meter", "power1"]["value"]) == ("power", 212.0)


def test_keys_are_unique() -> None:
    found = readings()
    assert {("coretemp", "Core 0 temp2"), ("coretemp", "Core 0 temp3")} <= set(found)
    assert {chip for chip, _ in found if chip.startswith("nvme")} == {"nvme-device", "nvme-hwmon2"}


def test_faulty_and_silent_sensors_are_left_out() -> None:
    assert {label for chip, label in readings() if chip == "nct6779"} == {"fan1", "in0", "curr1"}


def test_zones_that_no_chip_shows() -> None:
    found = readings()
    assert [key for key in found if key[0] == "acpitz"] == [("acpitz", "temp1")]
    zone = found["x86_pkg_temp", "thermal_zone1"]
    assert (zone["value"], zone["high"], zone["critical"]) == (55.0, 90.0, 105.0)


def test_old_drivers_keep_readings_beside_the_device() -> None:
    assert readings()["w83627ehf", "fan2"]["value"] == 880.0


def test_drive_that_falls_asleep(tmp_path: Path) -> None:
    root = copied_host("metal", tmp_path)
    collector = SensorCollector(root)
    before = len(rows_of(collector.collect(at(0)), "sensor"))
    (root.sys / "class/hwmon/hwmon1/temp1_input").unlink()
    assert len(rows_of(collector.collect(at(10)), "sensor")) == before - 1
    assert len(rows_of(collector.collect(at(70)), "sensor")) == before - 1
    collector.close()


def test_machine_without_sensors() -> None:
    with pytest.raises(AbsentError, match="none in hwmon"):
        SensorCollector(captured_host("vm")).collect(at(0))
