"""Columns of gpu and gpu_process: which way is taken, and what happens when it breaks."""

from pathlib import Path
from typing import Any

import pytest

from nagare.collect.collector import AbsentError, Root
from nagare.collect.gpu.collector import GpuCollector, load_pynvml
from nagare.errors import UnavailableError
from tests.unit.collect.gpu.nvml_library import A100_MIG, DRIVER_NOT_LOADED, GEFORCE, H200, Library
from tests.unit.collect.trees import CAPTURED, at, program, root_at, rows_of


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/41").mkdir()
    (tmp_path / "proc/41/comm").write_text("trainer\n")
    return root_at(tmp_path)


def absent() -> Any:
    raise ImportError("no pynvml")


def test_machine_without_a_device_loads_nothing(tmp_path: Path) -> None:
    def load() -> Any:
        raise AssertionError("loaded the library")

    with pytest.raises(AbsentError, match="no NVIDIA device"):
        GpuCollector(root_at(tmp_path), devices=tmp_path, load=load).collect(at(0))


def test_nvml_comes_first(root: Root) -> None:
    collector = GpuCollector(root, load=lambda: Library(H200, A100_MIG))
    tables = collector.collect(at(0))
    assert [row["index"] for row in rows_of(tables, "gpu")] == ["0", "1", "1:0", "1:4"]
    assert rows_of(tables, "gpu_process")[0]["name"] == "trainer"
    collector.close()


def test_lost_gpu_is_told_once(root: Root) -> None:
    library = Library(GEFORCE, H200)
    collector = GpuCollector(root, load=lambda: library)
    assert "events" not in collector.collect(at(0))
    library.lost.add(0)
    event = rows_of(collector.collect(at(5)), "events")[0]
    assert (event["kind"], event["text"]) == ("gpu.lost", "GPU NVIDIA GeForce GTX 1650 no longer answers")
    assert "events" not in collector.collect(at(10))
    library.lost.clear()
    assert len(rows_of(collector.collect(at(15)), "gpu")) == 2
    library.lost.add(0)
    assert "events" in collector.collect(at(20))
    collector.close()


def test_driver_that_is_replaced_is_opened_anew(root: Root) -> None:
    library = Library(H200)
    collector = GpuCollector(root, load=lambda: library)
    collector.collect(at(0))
    library.faults["nvmlDeviceGetCount"] = DRIVER_NOT_LOADED
    with pytest.raises(UnavailableError, match="driver was unloaded"):
        collector.collect(at(5))
    assert not library.is_open
    library.faults.clear()
    assert rows_of(collector.collect(at(10)), "gpu")
    assert library.calls["nvmlInit"] == 2
    collector.close()


def test_driver_that_vanishes_closes_the_library(root: Root) -> None:
    library = Library(H200)
    collector = GpuCollector(root, devices=root.sys, load=lambda: library)
    collector.collect(at(0))
    (root.proc / "driver/nvidia").rmdir()
    with pytest.raises(AbsentError):
        collector.collect(at(5))
    assert not library.is_open


@pytest.mark.parametrize("reason", ["no binding", "no library"])
def test_program_stands_in(root: Root, tmp_path: Path, reason: str) -> None:
    library = Library()
    library.faults["nvmlInit"] = 12
    script = f'case "$1" in --query-gpu*) cat {CAPTURED}/nvidia/h200.csv;; *apps*) cat {CAPTURED}/nvidia/h200_apps.csv;; esac'
    places = program(tmp_path / "bin", "nvidia-smi", script)
    collector = GpuCollector(
        root, load=absent if reason == "no binding" else lambda: library, places=f"{places}:/usr/bin:/bin"
    )
    tables = collector.collect(at(0))
    assert len(rows_of(tables, "gpu")) == 2
    assert len(rows_of(tables, "gpu_process")) == 3
    assert collector.collect(at(5)) == {}
    assert collector.collect(at(15)) != {}


def test_program_of_an_older_driver_is_asked_for_less(root: Root, tmp_path: Path) -> None:
    script = f"""
case "$1" in
  *utilization.encoder*) cat {CAPTURED}/nvidia/refused.txt; exit 2;;
  --query-gpu*) cut -d, -f1-15,17- {CAPTURED}/nvidia/h200.csv;;
esac"""
    places = program(tmp_path / "bin", "nvidia-smi", script)
    collector = GpuCollector(root, load=absent, places=f"{places}:/usr/bin:/bin")
    assert [row["encoder_ratio"] for row in rows_of(collector.collect(at(0)), "gpu")] == [None, None]


def test_program_shows_mig(root: Root, tmp_path: Path) -> None:
    script = (
        f'case "$1" in --query-gpu*) cat {CAPTURED}/nvidia/a100_mig.csv;; -q) cat {CAPTURED}/nvidia/a100_mig.xml;; esac'
    )
    places = program(tmp_path / "bin", "nvidia-smi", script)
    tables = GpuCollector(root, load=absent, places=f"{places}:/usr/bin:/bin").collect(at(0))
    assert [row["index"] for row in rows_of(tables, "gpu")] == ["0", "0:0", "0:1"]
    assert [row["index"] for row in rows_of(tables, "gpu_process")] == ["0:0"]


def test_neither_way_is_installed(root: Root, tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="neither NVML nor nvidia-smi"):
        GpuCollector(root, load=absent, places=str(tmp_path)).collect(at(0))


def test_the_real_binding_has_the_shape_that_is_asked_for() -> None:
    library = load_pynvml()
    for name in ("nvmlInit", "nvmlShutdown", "nvmlDeviceGetCount", "nvmlDeviceGetMigDeviceHandleByIndex", "NVMLError"):
        assert hasattr(library, name)
    codes = {
        "NOT_SUPPORTED": 3,
        "UNINITIALIZED": 1,
        "GPU_IS_LOST": 15,
        "RESET_REQUIRED": 16,
        "LIB_RM_VERSION_MISMATCH": 18,
    }
    for name, code in codes.items():
        assert getattr(library, f"NVML_ERROR_{name}") == code
