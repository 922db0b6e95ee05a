"""Reads GPUs through NVML, the driver's own library, handed in as a module of the shape of ``pynvml``.

Every value is optional: what a device does not support is null, and is not asked again. A GPU that fell off the bus
costs its own values, never those of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nagare.collect.gpu.reading import Reading, bounded, format_reasons, gpu_row, process_row
from nagare.collect.reading.rows import TEXT_LIMIT
from nagare.model.columns import Cell

# Codes of NVML's errors; the library's constants are the same in every version.
_UNINITIALIZED = 1
_NOT_SUPPORTED = 3
_DRIVER_NOT_LOADED = 9
_GPU_IS_LOST = 15
_RESET_REQUIRED = 16
_VERSION_MISMATCH = 18
_FATAL = frozenset((_UNINITIALIZED, _DRIVER_NOT_LOADED, _VERSION_MISMATCH))
_FUNCTION_NOT_FOUND = 13
_FIELD_MEMORY_TEMPERATURE = 82
_PROCESS_LIMIT = 256
_UNKNOWN_STATE = 32

# (column, function, further arguments, what one unit of NVML makes of ours)
_NUMBERS: tuple[tuple[str, str, tuple[int, ...], float], ...] = (
    ("temperature_celsius", "nvmlDeviceGetTemperature", (0,), 1.0),
    ("power_watts", "nvmlDeviceGetPowerUsage", (), 1e-3),
    ("power_limit_watts", "nvmlDeviceGetEnforcedPowerLimit", (), 1e-3),
    ("fan_ratio", "nvmlDeviceGetFanSpeed", (), 1e-2),
    ("clock_sm_hertz", "nvmlDeviceGetClockInfo", (1,), 1e6),
    ("clock_memory_hertz", "nvmlDeviceGetClockInfo", (2,), 1e6),
    ("pcie_sent_bytes_per_second", "nvmlDeviceGetPcieThroughput", (0,), 1e3),
    ("pcie_received_bytes_per_second", "nvmlDeviceGetPcieThroughput", (1,), 1e3),
)
_COUNTS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("ecc_errors_corrected_total", "nvmlDeviceGetTotalEccErrors", (0, 1)),
    ("ecc_errors_uncorrected_total", "nvmlDeviceGetTotalEccErrors", (1, 1)),
)


class DriverGoneError(Exception):
    """The driver was unloaded or replaced below us: the library must be opened anew. Never leaves this folder."""


class _LostError(Exception):
    """This GPU no longer answers."""


class NvmlReader:
    """An open NVML. Raises the library's own error at construction when it cannot be opened."""

    def __init__(self, library: Any, process_name: Callable[[int], str | None]) -> None:
        """Open the library; ``process_name`` tells the name of a pid."""
        self._library = library
        self._process_name = process_name
        self._unsupported: set[tuple[str, str, tuple[int, ...]]] = set()
        self._identities: dict[int, tuple[str, str]] = {}
        self._sampled_at: dict[str, int] = {}
        library.nvmlInit()

    def close(self) -> None:
        """Close the library."""
        try:
            self._library.nvmlShutdown()
        except self._library.NVMLError:
            return

    def read(self) -> Reading:
        """Return the values of all GPUs. Raises DriverGoneError when the library must be opened anew."""
        reading = Reading()
        count = self._call("nvmlDeviceGetCount") or 0
        for index in range(count):
            try:
                self._read_device(reading, index)
            except _LostError:
                uuid, name = self._identities.get(index, ("", ""))
                reading.lost.append((uuid, name))
                reading.gpus.append(gpu_row({"index": str(index), "uuid": uuid, "name": name}))
        return reading

    def _read_device(self, reading: Reading, index: int) -> None:
        handle = self._call("nvmlDeviceGetHandleByIndex", index)
        if handle is None:
            if index in self._identities:
                raise _LostError
            return  # a device that this process was never allowed to see
        uuid, name = self._identity(index, handle)
        key, place = str(index), len(reading.gpus)
        known: dict[str, Cell] = {"index": key, "uuid": uuid, "name": name}
        known |= self._memory(uuid, handle) | self._gauges(uuid, handle)
        processes = list(self._processes(key, uuid, handle))
        instances = list(self._instances(reading, index, uuid, handle))
        known["processes"] = len(processes) + sum(instances)
        reading.gpus.insert(place, gpu_row(known))
        reading.processes.extend(process_row(process) for process in processes)

    def _identity(self, index: int, handle: Any) -> tuple[str, str]:
        # Asked at every reading: after a hot swap another device answers to the same index.
        uuid, name = self._call("nvmlDeviceGetUUID", handle), self._call("nvmlDeviceGetName", handle)
        identity = _text(uuid) or f"index-{index}", _text(name) or "GPU"
        self._identities[index] = identity
        return identity

    def _memory(self, uuid: str, handle: Any) -> dict[str, Cell]:
        # The second version tells used memory without what the driver reserves, as nvidia-smi shows it.
        version = getattr(self._library, "nvmlMemory_v2", None)
        memory = self._ask(uuid, "nvmlDeviceGetMemoryInfo", handle, version) if version else None
        memory = memory or self._ask(uuid, "nvmlDeviceGetMemoryInfo", handle)
        if memory is None:
            return {}
        return {"memory_used_bytes": bounded(memory.used), "memory_total_bytes": bounded(memory.total)}

    def _gauges(self, uuid: str, handle: Any) -> dict[str, Cell]:
        known: dict[str, Cell] = {}
        for column, function, arguments, unit in _NUMBERS:
            value = self._ask(uuid, function, handle, *arguments)
            known[column] = None if value is None else round(value * unit, 6)
        for column, function, arguments in _COUNTS:
            known[column] = bounded(self._ask(uuid, function, handle, *arguments))
        rates = self._ask(uuid, "nvmlDeviceGetUtilizationRates", handle)
        if rates is not None:
            known["utilization_ratio"] = rates.gpu / 100
            known["memory_utilization_ratio"] = rates.memory / 100
        for column, function in (("encoder_ratio", "Encoder"), ("decoder_ratio", "Decoder")):
            load = self._ask(uuid, f"nvmlDeviceGet{function}Utilization", handle)
            known[column] = None if load is None else load[0] / 100
        state = self._ask(uuid, "nvmlDeviceGetPerformanceState", handle)
        known["performance_state"] = f"P{state}" if state is not None and state < _UNKNOWN_STATE else None
        known["throttle_reasons"] = format_reasons(self._reasons(uuid, handle))
        known["memory_temperature_celsius"] = self._memory_temperature(uuid, handle)
        return known

    def _reasons(self, uuid: str, handle: Any) -> int | None:
        for function in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            bits = self._ask(uuid, function, handle)
            if isinstance(bits, int):
                return bits
        return None

    def _memory_temperature(self, uuid: str, handle: Any) -> float | None:
        values = self._ask(uuid, "nvmlDeviceGetFieldValues", handle, (_FIELD_MEMORY_TEMPERATURE,))
        if not values or values[0].nvmlReturn != 0 or not values[0].value.uiVal:
            return None
        return float(values[0].value.uiVal)

    def _instances(self, reading: Reading, index: int, uuid: str, handle: Any) -> Iterator[int]:
        """Add a row for each MIG instance and yield how many processes use it."""
        mode = self._ask(uuid, "nvmlDeviceGetMigMode", handle)
        if not mode or mode[0] != 1:
            return
        for number in range(self._ask(uuid, "nvmlDeviceGetMaxMigDeviceCount", handle) or 0):
            instance = self._call("nvmlDeviceGetMigDeviceHandleByIndex", handle, number)
            if instance is None:
                continue  # numbers have gaps where no instance was made
            key, name = f"{index}:{number}", _text(self._call("nvmlDeviceGetName", instance))
            own = _text(self._call("nvmlDeviceGetUUID", instance)) or f"{uuid}-{number}"
            known: dict[str, Cell] = {"index": key, "uuid": own, "name": name, "mig": name.partition("MIG ")[2] or None}
            processes = list(self._processes(key, own, instance))
            known |= self._memory(own, instance) | {"processes": len(processes)}
            reading.gpus.append(gpu_row(known))
            reading.processes.extend(process_row(process) for process in processes)
            yield len(processes)

    def _processes(self, key: str, uuid: str, handle: Any) -> Iterator[dict[str, Cell]]:
        loads = self._process_loads(uuid, handle)
        seen: set[int] = set()
        for kind in ("Compute", "Graphics"):
            found = self._ask(uuid, f"nvmlDeviceGet{kind}RunningProcesses", handle) or ()
            for process in found[:_PROCESS_LIMIT]:
                if process.pid in seen:
                    continue
                seen.add(process.pid)
                yield {
                    "index": key,
                    "uuid": uuid,
                    "pid": process.pid,
                    "name": self._name_of(process.pid),
                    "memory_bytes": bounded(process.usedGpuMemory),
                    "kind": kind.lower(),
                    "utilization_ratio": loads.get(process.pid),
                }

    def _name_of(self, pid: int) -> str | None:
        return self._process_name(pid) or _text(self._call("nvmlSystemGetProcessName", pid)).rsplit("/", 1)[-1] or None

    def _process_loads(self, uuid: str, handle: Any) -> dict[int, float]:
        samples = self._ask(uuid, "nvmlDeviceGetProcessUtilization", handle, self._sampled_at.get(uuid, 0)) or ()
        loads: dict[int, list[int]] = {}
        for sample in samples:
            if sample.timeStamp:
                loads.setdefault(sample.pid, []).append(sample.smUtil)
                self._sampled_at[uuid] = max(self._sampled_at.get(uuid, 0), sample.timeStamp)
        return {pid: min(1.0, sum(values) / len(values) / 100) for pid, values in loads.items()}

    def _ask(self, uuid: str, function: str, handle: Any, *arguments: Any) -> Any:
        """Call a function that a device may lack; once it said so it is not asked again."""
        key = (uuid, function, arguments)
        if key in self._unsupported:
            return None
        code, value = self._try(function, handle, *arguments)
        if code in {_NOT_SUPPORTED, _FUNCTION_NOT_FOUND}:
            self._unsupported.add(key)
        return value

    def _call(self, function: str, *arguments: Any) -> Any:
        return self._try(function, *arguments)[1]

    def _try(self, function: str, *arguments: Any) -> tuple[int, Any]:
        """Return (error code, value). Raises _LostError and DriverGoneError, which concern more than one value."""
        call = getattr(self._library, function, None)
        if call is None:
            return _FUNCTION_NOT_FOUND, None
        try:
            return 0, call(*arguments)
        except self._library.NVMLError as error:
            code = int(getattr(error, "value", -1))
        if code in _FATAL:
            raise DriverGoneError
        if code in {_GPU_IS_LOST, _RESET_REQUIRED}:
            raise _LostError
        return code, None


def _text(value: Any) -> str:
    raw = value if isinstance(value, bytes) else str(value or "").encode("utf-8", "replace")
    return raw.decode("utf-8", "replace")[:TEXT_LIMIT]
