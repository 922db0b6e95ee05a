"""What nvidia-smi prints."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.gpu.smi import (
    FIELDS,
    find_refused_field,
    gpu_arguments,
    parse_gpus,
    parse_instances,
    parse_processes,
    process_arguments,
)
from tests.unit.collect.trees import captured


def test_data_centre_cards() -> None:
    rows, has_mig = parse_gpus(captured("nvidia/h200.csv"))
    first, second = rows
    assert not has_mig
    assert (first["index"], first["name"], first["utilization_ratio"]) == ("0", "NVIDIA H200", 0.97)
    assert (first["memory_used_bytes"], first["power_watts"], first["fan_ratio"]) == (128211 * 2**20, 688.42, None)
    assert (first["throttle_reasons"], first["performance_state"]) == ("power_cap", "P0")
    assert (first["ecc_errors_corrected_total"], first["clock_sm_hertz"]) == (3, 1755e6)
    assert second["throttle_reasons"] == ""


def test_consumer_card_and_a_lost_one() -> None:
    rows, _ = parse_gpus(captured("nvidia/gtx.csv"))
    assert len(rows) == 1
    assert (rows[0]["power_watts"], rows[0]["fan_ratio"], rows[0]["memory_temperature_celsius"]) == (None, 0.35, None)
    assert rows[0]["ecc_errors_corrected_total"] is None


def test_mig_mode_asks_for_more() -> None:
    rows, has_mig = parse_gpus(captured("nvidia/a100_mig.csv"))
    assert has_mig
    assert rows[0]["utilization_ratio"] is None


def test_instances_and_their_processes() -> None:
    reading = parse_instances(captured("nvidia/a100_mig.xml"))
    one, two = reading.gpus
    assert (one["index"], one["uuid"]) == ("0:0", "GPU-a1000000-0000-0000-0000-000000000000/1")
    assert (one["memory_used_bytes"], one["memory_total_bytes"]) == (11204 * 2**20, 19968 * 2**20)
    assert (two["uuid"], two["memory_used_bytes"]) == ("MIG-11112222-3333-4444-5555-666677778888", None)
    assert [(row["index"], row["pid"], row["name"]) for row in reading.processes] == [("0:0", 5511, "tritonserver")]
    assert reading.processes[0]["memory_bytes"] == 11180 * 2**20


def test_processes() -> None:
    indexes = {"GPU-5c1f6f0e-1111-2222-3333-444455556666": "0", "GPU-5c1f6f0e-1111-2222-3333-444455557777": "1"}
    rows = parse_processes(captured("nvidia/h200_apps.csv"), indexes)
    assert [(row["index"], row["pid"], row["name"]) for row in rows] == [
        ("0", 41231, "python3"),
        ("0", 41232, "train"),
        ("1", 41234, None),
    ]
    assert rows[2]["memory_bytes"] is None


def test_refusal_names_the_field() -> None:
    assert find_refused_field(captured("nvidia/refused.txt")) == "utilization.encoder"
    assert find_refused_field(captured("nvidia/h200.csv")) is None
    assert find_refused_field(b'Field "unknown" is not a valid field to query.') is None


def test_fewer_fields_are_read_by_the_same_order() -> None:
    fields = tuple(field for field in FIELDS if field != "utilization.encoder")
    line = captured("nvidia/h200.csv").splitlines()[0].split(b", ")
    del line[FIELDS.index("utilization.encoder")]
    rows, _ = parse_gpus(b", ".join(line), fields)
    assert (rows[0]["encoder_ratio"], rows[0]["decoder_ratio"]) == (None, 0.0)


def test_arguments() -> None:
    assert gpu_arguments(("index", "uuid"))[0] == "--query-gpu=index,uuid"
    assert process_arguments()[0].endswith("process_name")


LINES = st.lists(st.sampled_from(["0", "GPU-1", "[N/A]", "1e400", "nan", "0x", "-5", "9" * 30, "Enabled"]), max_size=22)


@given(st.binary() | LINES.map(lambda values: ", ".join(values).encode()))
def test_any_bytes(output: bytes) -> None:
    for row in parse_gpus(output)[0]:
        assert row["index"]
    parse_processes(output, {"GPU-1": "0"})
    parse_instances(output)
    find_refused_field(output)
