"""Columns of ``gpu`` and ``gpu_process``: NVML first, ``nvidia-smi`` where its library cannot be loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.gpu import smi
from nagare.collect.gpu.nvml import DriverGoneError, NvmlReader
from nagare.collect.gpu.reading import Reading
from nagare.collect.reading.files import find_text
from nagare.collect.reading.programs import find_program, run_program
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import Row, columns_of, event_row
from nagare.errors import UnavailableError
from nagare.model.event import Severity

# Starting nvidia-smi costs a tenth of a second of CPU: in between there are no rows.
_PROGRAM_SECONDS = 15.0
_PROGRAM_TIMEOUT_SECONDS = 8.0
# Without one of these there is no GPU of this make, and nothing is loaded. The last is that of WSL.
_DEVICES = ("nvidiactl", "nvidia0", "dxg")


def load_pynvml() -> Any:
    """Return the NVML binding. Raises ImportError where it is not installed."""
    return importlib.import_module("pynvml")


class GpuCollector:
    """Reads all GPUs, their MIG instances and the processes on them."""

    name: ClassVar[str] = "gpu"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        root: Root,
        *,
        devices: Path = Path("/dev"),
        load: Callable[[], Any] = load_pynvml,
        places: str | None = None,
    ) -> None:
        """Look at nothing yet; ``load`` gives the NVML binding, ``places`` replaces the path of nvidia-smi."""
        self._root = root
        self._devices = devices
        self._load = load
        self._places = places
        self._reader: NvmlReader | None = None
        self._fields = smi.FIELDS
        self._seldom = Stopwatch(_PROGRAM_SECONDS)
        self._told: set[str] = set()

    def collect(self, tick: Tick) -> Tables:
        """Return one row a GPU and a MIG instance, and one for each process on them."""
        if not self._is_present():
            self.close()
            raise AbsentError("cannot read GPUs: this machine has no NVIDIA device")
        reader = self._open()
        if reader is not None:
            return self._tables(self._read(reader), tick)
        program = find_program("nvidia-smi", self._places)
        if program is None:
            raise AbsentError("cannot read GPUs: neither NVML nor nvidia-smi is installed")
        return self._tables(self._ask_program(program), tick) if self._seldom.is_due(tick.monotonic) else {}

    def close(self) -> None:
        """Close the library."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _is_present(self) -> bool:
        places = (*(self._devices / name for name in _DEVICES), self._root.proc / "driver" / "nvidia")
        return any(place.exists() for place in places)

    def _open(self) -> NvmlReader | None:
        if self._reader is not None:
            return self._reader
        try:
            library = self._load()
        except ImportError:
            return None
        try:
            self._reader = NvmlReader(library, self._process_name)
        except library.NVMLError:
            return None
        return self._reader

    def _read(self, reader: NvmlReader) -> Reading:
        try:
            return reader.read()
        except DriverGoneError as error:
            self.close()
            raise UnavailableError("cannot read GPUs: the driver was unloaded or replaced") from error

    def _process_name(self, pid: int) -> str | None:
        return find_text(f"{self._root.proc}/{pid}/comm", 255)

    def _ask_program(self, program: str) -> Reading:
        rows, has_mig = self._ask_gpus(program)
        indexes = {str(row["uuid"]): str(row["index"]) for row in rows}
        reading = Reading(rows)
        if has_mig:
            instances = smi.parse_instances(self._run(program, ("-q", "-x")))
            reading.gpus.extend(instances.gpus)
            reading.processes.extend(instances.processes)
        else:
            reading.processes = smi.parse_processes(self._run(program, smi.process_arguments()), indexes)
        return reading

    def _ask_gpus(self, program: str) -> tuple[list[Row], bool]:
        output = self._run(program, smi.gpu_arguments(self._fields))
        while (refused := smi.find_refused_field(output)) is not None and refused in self._fields:
            self._fields = tuple(field for field in self._fields if field != refused)
            output = self._run(program, smi.gpu_arguments(self._fields))
        return smi.parse_gpus(output, self._fields)

    def _run(self, program: str, arguments: Sequence[str]) -> bytes:
        return run_program((program, *arguments), _PROGRAM_TIMEOUT_SECONDS).output

    def _tables(self, reading: Reading, tick: Tick) -> Tables:
        tables = {"gpu": columns_of(reading.gpus), "gpu_process": columns_of(reading.processes)}
        events = self._lost_events(reading, tick)
        return tables | {"events": columns_of(events)} if events else tables

    def _lost_events(self, reading: Reading, tick: Tick) -> list[Row]:
        new = [(uuid, name) for uuid, name in reading.lost if uuid not in self._told]
        self._told = {uuid for uuid, _ in reading.lost}
        return [
            event_row(
                "gpu.lost", f"{uuid}:{tick.now_ms}", Severity.HIGH, f"GPU {name or uuid} no longer answers",
                {"uuid": uuid, "name": name},
            )
            for uuid, name in new
        ]  # fmt: skip
