"""A double of the foreign NVML binding: devices of several kinds, and faults where a test wants them."""

from types import SimpleNamespace
from typing import Any

NOT_SUPPORTED, NOT_FOUND, LOST, UNINITIALIZED, DRIVER_NOT_LOADED = 3, 6, 15, 1, 9


class NVMLError(Exception):
    """The binding's error; ``value`` is NVML's code."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


H200: dict[str, Any] = {
    "UUID": "GPU-h200",
    "Name": "NVIDIA H200",
    "UtilizationRates": SimpleNamespace(gpu=97, memory=61),
    "MemoryInfo": SimpleNamespace(used=100 * 2**30, total=141 * 2**30),
    "Temperature": 63,
    "PowerUsage": 688_420,
    "EnforcedPowerLimit": 700_000,
    "ClockInfo": 1755,
    "PcieThroughput": 2048,
    "TotalEccErrors": 3,
    "EncoderUtilization": [12, 1000],
    "CurrentClocksEventReasons": 0x5,
    "PerformanceState": 0,
    "FieldValues": [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=71))],
    "ComputeRunningProcesses": [
        SimpleNamespace(pid=41, usedGpuMemory=2**30),
        SimpleNamespace(pid=42, usedGpuMemory=None),
    ],
    "GraphicsRunningProcesses": [
        SimpleNamespace(pid=41, usedGpuMemory=2**20),
        SimpleNamespace(pid=7, usedGpuMemory=2**64 - 1),
    ],
    "ProcessUtilization": [
        SimpleNamespace(pid=41, timeStamp=10, smUtil=40),
        SimpleNamespace(pid=41, timeStamp=20, smUtil=60),
        SimpleNamespace(pid=9, timeStamp=0, smUtil=99),
    ],
    "MigMode": [0, 0],
}
GEFORCE: dict[str, Any] = {
    "UUID": b"GPU-gtx",
    "Name": b"NVIDIA GeForce GTX 1650",
    "UtilizationRates": SimpleNamespace(gpu=3, memory=1),
    "MemoryInfo": SimpleNamespace(used=2**20, total=2**32),
    "Temperature": 38,
    "FanSpeed": 35,
    "CurrentClocksThrottleReasons": 0x60,
    "PerformanceState": 8,
}
A100_MIG: dict[str, Any] = {
    "UUID": "GPU-a100",
    "Name": "NVIDIA A100-SXM4-40GB",
    "MemoryInfo": SimpleNamespace(used=2**20, total=40 * 2**30),
    "PowerUsage": 61_200,
    "MigMode": [1, 1],
    "MaxMigDeviceCount": 7,
    "Instances": {
        0: {
            "UUID": "MIG-one",
            "Name": "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
            "MemoryInfo": SimpleNamespace(used=11 * 2**30, total=20 * 2**30),
            "ComputeRunningProcesses": [SimpleNamespace(pid=5511, usedGpuMemory=11 * 2**30)],
        },
        4: {"UUID": "MIG-two", "Name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb"},
    },
}


class Library:
    """Stands where the module ``pynvml`` stands; ``calls`` counts what was asked."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 0x02000028  # noqa: N815  a foreign name

    def __init__(self, *devices: dict[str, Any]) -> None:
        self.devices = list(devices)
        self.calls: dict[str, int] = {}
        self.faults: dict[str, int] = {}
        self.lost: set[int] = set()
        self.is_open = False

    def nvmlInit(self) -> None:  # noqa: N802  a foreign name
        self._check("nvmlInit")
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802  a foreign name
        self._check("nvmlShutdown")
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802  a foreign name
        self._check("nvmlDeviceGetCount")
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:  # noqa: N802  a foreign name
        self._check("nvmlDeviceGetHandleByIndex")
        if index in self.lost:
            raise NVMLError(LOST)
        return self.devices[index]

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: dict[str, Any], number: int) -> dict[str, Any]:  # noqa: N802  a foreign name
        if number not in device["Instances"]:
            raise NVMLError(NOT_FOUND)
        instance: dict[str, Any] = device["Instances"][number]
        return instance

    def nvmlSystemGetProcessName(self, pid: int) -> bytes:  # noqa: N802  a foreign name
        if pid == 7:
            raise NVMLError(NOT_FOUND)
        return b"/usr/bin/tool-%d" % pid

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvmlDeviceGet"):
            raise AttributeError(name)

        def ask(device: dict[str, Any], *_: Any) -> Any:
            self._check(name)
            key = name.removeprefix("nvmlDeviceGet")
            if key not in device:
                raise NVMLError(NOT_SUPPORTED)
            return device[key]

        return ask

    def _check(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if name in self.faults:
            raise NVMLError(self.faults[name])
