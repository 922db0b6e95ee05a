"""What one look at the GPUs gives, whichever way it was taken: rows with every column, null where not told."""

from __future__ import annotations

from dataclasses import dataclass, field

from nagare.collect.reading.rows import Row
from nagare.model.columns import Cell
from nagare.model.tables import GPU, GPU_PROCESS

_GPU_COLUMNS = tuple(column.name for column in GPU.columns)
_PROCESS_COLUMNS = tuple(column.name for column in GPU_PROCESS.columns)

# Bits of the clock event reasons. Idleness is none: nothing holds back what nobody asks for.
_REASONS = {
    0x002: "applications_clocks",
    0x004: "power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal",
    0x040: "hw_thermal",
    0x080: "power_brake",
    0x100: "display_clocks",
}
_LARGEST = 2**63 - 1


@dataclass(slots=True)
class Reading:
    """Rows of ``gpu`` and ``gpu_process``; ``lost`` holds (uuid, name) of GPUs that fell off the bus."""

    gpus: list[Row] = field(default_factory=list)
    processes: list[Row] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)


def gpu_row(known: dict[str, Cell]) -> Row:
    """Return a row of ``gpu`` with null for what is not known; the used share follows from the sizes."""
    used, total = known.get("memory_used_bytes"), known.get("memory_total_bytes")
    if isinstance(used, int) and isinstance(total, int) and total > 0:
        known = known | {"memory_used_ratio": used / total}
    return {name: known.get(name) for name in _GPU_COLUMNS}


def process_row(known: dict[str, Cell]) -> Row:
    """Return a row of ``gpu_process`` with null for what is not known."""
    return {name: known.get(name) for name in _PROCESS_COLUMNS}


def format_reasons(bits: int | None) -> str | None:
    """Return the reasons that hold the clocks back, comma separated; empty for none, None when not known."""
    if bits is None:
        return None
    return ",".join(name for bit, name in _REASONS.items() if bits & bit)


def bounded(value: int | None) -> int | None:
    """Return a count that a column holds, or None: drivers tell all ones for 'not available'."""
    return value if value is not None and 0 <= value <= _LARGEST else None
