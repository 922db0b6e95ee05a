"""Columns of ``sensor``: what hwmon chips and thermal zones measure.

A reading may wake a chip behind a slow bus, so it happens on a thread of its own and less often than the rest.
A sensor that does not answer (EIO, ENODATA, a drive asleep) is left out of that collection.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.reading.files import find_integer, find_text, list_names
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import Row, RowLimit, columns_of

# hwmon's names of kinds, ours, and how many of its units make one of ours.
_KINDS = {
    "temp": ("temperature", 1000.0),
    "fan": ("fan", 1.0),
    "in": ("voltage", 1000.0),
    "curr": ("current", 1000.0),
    "power": ("power", 1e6),
}
_READING = re.compile(r"(?P<stem>(?P<kind>temp|fan|in|curr|power)\d+)_(?P<what>input|average)")
# Chips come and go with drives and adapters; looking for them is dearer than reading them.
_SELDOM_SECONDS = 60.0
SENSOR_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: where its value stands, and the limits that its chip names."""

    chip: str
    label: str
    kind: str
    path: Path
    divisor: float
    high: float | None
    critical: float | None


def find_sensors(root: Root) -> list[Sensor]:
    """Return the sensors of all chips, and of the thermal zones that no chip shows already."""
    sensors = [sensor for chip, folder in _find_chips(root) for sensor in _chip_sensors(chip, folder)]
    names = {sensor.chip for sensor in sensors}
    thermal = root.sys / "class" / "thermal"
    for zone in sorted(list_names(thermal)):
        sensor = _zone_sensor(thermal / zone) if zone.startswith("thermal_zone") else None
        if sensor is not None and sensor.chip.replace("-", "_") not in names:
            sensors.append(sensor)
    return sensors


def _find_chips(root: Root) -> list[tuple[str, Path]]:
    base = root.sys / "class" / "hwmon"
    folders = [folder for entry in sorted(list_names(base)) if (folder := _readings_folder(base / entry)) is not None]
    named = [(find_text(folder / "name") or folder.name, folder) for folder in folders]
    counts = Counter(name for name, _ in named)
    # Two drives are two chips of one name: the device they sit on tells them apart, at every boot the same.
    return [(name if counts[name] == 1 else f"{name}-{_device(folder)}", folder) for name, folder in named]


def _readings_folder(folder: Path) -> Path | None:
    # Old drivers keep name and readings in the folder of the device.
    for place in (folder, folder / "device"):
        if any(_READING.fullmatch(name) for name in list_names(place)):
            return place
    return None


def _device(folder: Path) -> str:
    link = folder / "device"
    return link.resolve().name if link.exists() else folder.name


def _chip_sensors(chip: str, folder: Path) -> list[Sensor]:
    sensors: dict[str, Sensor] = {}
    for name in sorted(list_names(folder)):
        match = _READING.fullmatch(name)
        if match is None or (match["what"] == "average" and match["kind"] != "power"):
            continue
        stem = match["stem"]
        kind, divisor = _KINDS[match["kind"]]
        sensors.setdefault(
            stem,
            Sensor(
                chip, find_text(folder / f"{stem}_label") or stem, kind, folder / name, divisor,
                _limit(folder / f"{stem}_max", divisor), _limit(folder / f"{stem}_crit", divisor),
            ),
        )  # fmt: skip
    return _with_unique_labels(list(sensors.values()))


def _with_unique_labels(sensors: list[Sensor]) -> list[Sensor]:
    counts = Counter((sensor.kind, sensor.label) for sensor in sensors)
    return [
        sensor
        if counts[sensor.kind, sensor.label] == 1
        else Sensor(
            sensor.chip, f"{sensor.label} {sensor.path.name.partition('_')[0]}", sensor.kind, sensor.path,
            sensor.divisor, sensor.high, sensor.critical,
        )
        for sensor in sensors
    ]  # fmt: skip


def _limit(path: Path, divisor: float) -> float | None:
    raw = find_integer(path)
    return None if raw is None else raw / divisor


def _zone_sensor(folder: Path) -> Sensor | None:
    kind = find_text(folder / "type")
    if not kind:
        return None
    trips = {
        find_text(folder / f"trip_point_{number}_type"): _limit(folder / f"trip_point_{number}_temp", 1000.0)
        for number in range(12)
    }
    return Sensor(kind, folder.name, "temperature", folder / "temp", 1000.0, trips.get("hot"), trips.get("critical"))


class SensorCollector:
    """Reads the value of every sensor found."""

    name: ClassVar[str] = "sensor"
    interval_seconds: ClassVar[float | None] = 10.0
    is_slow: ClassVar[bool] = True

    def __init__(self, root: Root) -> None:
        """Look for nothing yet."""
        self._root = root
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._sensors: list[Sensor] = []
        self._limit = RowLimit("sensor", SENSOR_LIMIT)

    def collect(self, tick: Tick) -> Tables:
        """Return one row a sensor that answered."""
        if self._seldom.is_due(tick.monotonic):
            self._sensors = self._limit.cut(find_sensors(self._root))
        if not self._sensors:
            raise AbsentError("cannot read sensors: this machine shows none in hwmon or thermal")
        rows = [row for row in map(_row, self._sensors) if row is not None]
        return {"sensor": columns_of(rows)}

    def close(self) -> None:
        """Hold nothing, so give nothing back."""


def _row(sensor: Sensor) -> Row | None:
    raw = find_integer(sensor.path)
    if raw is None or find_integer(sensor.path.with_name(sensor.path.name.partition("_")[0] + "_fault")) == 1:
        return None
    return {
        "chip": sensor.chip,
        "label": sensor.label,
        "kind": sensor.kind,
        "value": raw / sensor.divisor,
        "high": sensor.high,
        "critical": sensor.critical,
    }
