"""Columns of disk_io: whole devices, rates, wraps and replaced disks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.collector import AbsentError, Root
from nagare.collect.disk_io import DiskIoCollector, parse_diskstats
from tests.unit.collect.trees import at, captured, captured_host, copied_host, root_at, rows_of


def line(name: str, *counts: int) -> str:
    return f"   8  0 {name} " + " ".join(map(str, counts)) + "\n"


def second(root: Root, text: str, *, after: float = 5) -> dict[str, object]:
    collector = DiskIoCollector(root)
    collector.collect(at(0))
    (root.proc / "diskstats").write_text(text)
    rows = rows_of(collector.collect(at(after)), "disk_io")
    collector.close()
    return rows[0]


def test_whole_devices_only() -> None:
    collector = DiskIoCollector(captured_host("vm"))
    rows = rows_of(collector.collect(at(0)), "disk_io")
    collector.close()
    assert [row["device"] for row in rows] == ["vda"]
    assert rows[0]["read_bytes_total"] == 5120332 * 512
    assert rows[0]["flushes_total"] == 12001
    assert rows[0]["reads_per_second"] is None


def test_many_disks_with_mapper_and_raid() -> None:
    collector = DiskIoCollector(captured_host("metal"))
    names = [row["device"] for row in rows_of(collector.collect(at(0)), "disk_io")]
    collector.close()
    assert {"sda", "sdx", "nvme0n1", "md0", "dm-0"} <= set(names)
    assert not {"nvme0n1p1", "ram0"} & set(names)


def test_rates_await_utilization_and_queue(tmp_path: Path) -> None:
    root = copied_host("old", tmp_path)
    (root.proc / "diskstats").write_text(line("sda", 100, 0, 1000, 500, 200, 0, 2000, 900, 0, 1000, 3000))
    row = second(root, line("sda", 150, 0, 1100, 600, 200, 0, 2000, 900, 3, 3500, 13000))
    assert (row["reads_per_second"], row["writes_per_second"]) == (10.0, 0.0)
    assert row["read_bytes_per_second"] == 100 * 512 / 5
    assert row["read_await_seconds"] == pytest.approx(0.002)
    assert row["write_await_seconds"] is None
    assert (row["utilization_ratio"], row["queue_length"], row["in_flight"]) == (0.5, 2.0, 3)


def test_counters_of_32_bits_wrap(tmp_path: Path) -> None:
    root = copied_host("old", tmp_path)
    row = second(root, line("sda", 4, 0, 90, 104, 10, 0, 80, 20, 0, 704, 804))
    assert row["reads_per_second"] == 2.0
    assert row["read_await_seconds"] == pytest.approx(0.02)
    assert row["utilization_ratio"] == pytest.approx(0.2)


def test_replaced_disk_begins_afresh(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    collector = DiskIoCollector(root)
    collector.collect(at(0))
    (root.proc / "diskstats").write_text(line("vda", 1, 0, 8, 1, 1, 0, 8, 1, 0, 1, 1))
    (root.sys / "class/block/vda/diskseq").write_text("12\n")
    row = rows_of(collector.collect(at(5)), "disk_io")[0]
    assert row["reads_per_second"] is None
    (root.proc / "diskstats").write_text(line("vda", 6, 0, 8, 1, 1, 0, 8, 1, 0, 1, 1))
    assert rows_of(collector.collect(at(10)), "disk_io")[0]["reads_per_second"] == 1.0
    collector.close()


def test_counters_that_began_again_have_no_rate(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    row = second(root, line("vda", 1, 0, 8, 1, 188202, 0, 9120448, 402110, 0, 120440, 462400))
    assert row["reads_per_second"] is None
    assert row["writes_per_second"] == 0.2


def test_disk_pulled_out_and_back(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    text = (root.proc / "diskstats").read_text()
    collector = DiskIoCollector(root)
    collector.collect(at(0))
    (root.proc / "diskstats").write_text("")
    assert rows_of(collector.collect(at(5)), "disk_io") == []
    (root.proc / "diskstats").write_text(text)
    assert rows_of(collector.collect(at(10)), "disk_io")[0]["reads_per_second"] is None
    collector.close()


def test_drive_that_came_to_use_gets_a_row(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    (root.proc / "diskstats").write_text(line("sr0", 9, 0, 8, 1, 0, 0, 0, 0, 0, 1, 1))
    collector = DiskIoCollector(root)
    assert [row["device"] for row in rows_of(collector.collect(at(0)), "disk_io")] == ["sr0"]
    collector.close()


def test_requests_in_flight_below_zero_are_unknown(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    (root.proc / "diskstats").write_text(line("sda", 1, 0, 8, 1, 1, 0, 8, 1, 2**64 - 1, 1, 1))
    collector = DiskIoCollector(root)
    row = rows_of(collector.collect(at(0)), "disk_io")[0]
    collector.close()
    assert (row["in_flight"], row["reads_total"]) == (None, 1)


def test_no_time_passed(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    row = second(root, (root.proc / "diskstats").read_text(), after=0)
    assert row["utilization_ratio"] is None


def test_machine_without_diskstats(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        DiskIoCollector(root_at(tmp_path)).collect(at(0))


def test_old_kernels_tell_fewer_fields() -> None:
    counts = parse_diskstats(captured("hosts/old/proc/diskstats"))
    assert (counts["sda"].discards, counts["sda"].flushes) == (0, 0)


@given(
    st.binary()
    | st.lists(st.sampled_from([b" 1", b" sda", b" -1", b" \xff", b" 99999999999999999999", b"\n"])).map(b"".join)
)
def test_any_bytes(text: bytes) -> None:
    for counts in parse_diskstats(text).values():
        assert min(counts) >= 0
