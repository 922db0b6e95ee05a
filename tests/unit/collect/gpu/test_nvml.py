"""GPUs through NVML: every value optional, MIG instances, lost devices."""

import pytest

from nagare.collect.gpu.nvml import DriverGoneError, NvmlReader
from nagare.collect.gpu.reading import Reading, format_reasons
from tests.unit.collect.gpu.nvml_library import A100_MIG, DRIVER_NOT_LOADED, GEFORCE, H200, LOST, Library


def read(*devices: dict[str, object]) -> Reading:
    return NvmlReader(Library(*devices), lambda pid: "python3" if pid == 41 else None).read()


def test_all_values_of_a_data_centre_card() -> None:
    reading = read(H200)
    row = reading.gpus[0]
    assert (row["index"], row["uuid"], row["name"]) == ("0", "GPU-h200", "NVIDIA H200")
    assert (row["utilization_ratio"], row["memory_utilization_ratio"]) == (0.97, 0.61)
    assert row["memory_used_ratio"] == pytest.approx(100 / 141)
    assert (row["power_watts"], row["power_limit_watts"]) == (688.42, 700.0)
    assert (row["clock_sm_hertz"], row["pcie_sent_bytes_per_second"]) == (1755e6, 2048e3)
    assert (row["temperature_celsius"], row["memory_temperature_celsius"]) == (63, 71)
    assert (row["throttle_reasons"], row["performance_state"]) == ("power_cap", "P0")
    assert (row["encoder_ratio"], row["decoder_ratio"], row["fan_ratio"]) == (0.12, None, None)
    assert (row["ecc_errors_corrected_total"], row["processes"], row["mig"]) == (3, 3, None)


def test_processes() -> None:
    processes = {row["pid"]: row for row in read(H200).processes}
    assert (processes[41]["name"], processes[41]["kind"]) == ("python3", "compute")
    assert (processes[41]["memory_bytes"], processes[41]["utilization_ratio"]) == (2**30, 0.5)
    assert (processes[42]["name"], processes[42]["memory_bytes"]) == ("tool-42", None)
    assert (processes[7]["name"], processes[7]["kind"], processes[7]["memory_bytes"]) == (None, "graphics", None)


def test_consumer_card_leaves_gaps() -> None:
    row = read(GEFORCE).gpus[0]
    assert (row["name"], row["fan_ratio"], row["power_watts"]) == ("NVIDIA GeForce GTX 1650", 0.35, None)
    assert (row["throttle_reasons"], row["performance_state"]) == ("sw_thermal,hw_thermal", "P8")
    assert (row["ecc_errors_corrected_total"], row["processes"]) == (None, 0)


def test_mig_instances_stand_beside_their_device() -> None:
    reading = read(A100_MIG, GEFORCE)
    rows = {row["index"]: row for row in reading.gpus}
    assert set(rows) == {"0", "0:0", "0:4", "1"}
    assert (rows["0"]["utilization_ratio"], rows["0"]["processes"]) == (None, 1)
    assert (rows["0:0"]["mig"], rows["0:0"]["memory_used_ratio"]) == ("3g.20gb", 0.55)
    assert rows["0:4"]["memory_used_bytes"] is None
    assert [(row["index"], row["pid"]) for row in reading.processes] == [("0:0", 5511)]


def test_what_is_not_supported_is_not_asked_again() -> None:
    library = Library(GEFORCE)
    reader = NvmlReader(library, lambda _: None)
    for _ in range(3):
        reader.read()
    assert library.calls["nvmlDeviceGetTotalEccErrors"] == 2  # once for each kind of error
    assert library.calls["nvmlDeviceGetTemperature"] == 3


@pytest.mark.parametrize("where", ["handle", "nvmlDeviceGetTemperature", "nvmlDeviceGetUUID"])
def test_lost_device_harms_no_other(where: str) -> None:
    library = Library(GEFORCE, H200)
    reader = NvmlReader(library, lambda _: None)
    reader.read()
    if where == "handle":
        library.lost.add(0)
    else:
        library.devices[0] = dict(GEFORCE)
        library.faults[where] = LOST
    reading = reader.read()
    assert reading.lost[0] == ("GPU-gtx", "NVIDIA GeForce GTX 1650")
    assert reading.gpus[0]["uuid"] == "GPU-gtx"
    assert reading.gpus[0]["temperature_celsius"] is None
    if where == "handle":
        assert reading.gpus[1]["temperature_celsius"] == 63


def test_device_that_may_not_be_seen_is_not_lost() -> None:
    library = Library(GEFORCE)
    library.faults["nvmlDeviceGetHandleByIndex"] = 4
    reading = NvmlReader(library, lambda _: None).read()
    assert (reading.gpus, reading.lost) == ([], [])


def test_driver_that_was_unloaded() -> None:
    library = Library(H200)
    reader = NvmlReader(library, lambda _: None)
    library.faults["nvmlDeviceGetCount"] = DRIVER_NOT_LOADED
    with pytest.raises(DriverGoneError):
        reader.read()
    library.faults["nvmlShutdown"] = DRIVER_NOT_LOADED
    reader.close()


def test_reasons() -> None:
    assert format_reasons(None) is None
    assert format_reasons(0x1) == ""
    assert (
        format_reasons(0x1FE)
        == "applications_clocks,power_cap,hw_slowdown,sync_boost,sw_thermal,hw_thermal,power_brake,display_clocks"
    )
