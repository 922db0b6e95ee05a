"""A recording: the tables of one host around one fault, as an agent told them, and what was done to it; one small file each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"
# What was looked at while thresholds were chosen, and what was not: only the second is reported.
TUNING, REPORTED = "tuning", "reported"
_SUFFIX = ".json.gz"

# Name of a table to its columns, each a list of values; ``ts`` in Unix milliseconds.
Columns = dict[str, list[Any]]
Tables = dict[str, Columns]
# Of processes: what their owners typed, and where they ran. Of a container: what its neighbours on the same machine make of it.
_PRIVATE = {
    "process": frozenset({"command", "container", "unit"}),
    "cpu": frozenset({"pressure_some_ratio", "context_switches_total", "interrupts_total"}),
    "memory": frozenset({"pressure_some_ratio", "pressure_full_ratio"}),
    "load": frozenset({"load1", "load5", "load15", "running", "blocked"}),
}


@dataclass(frozen=True)
class Recording:
    """One recording. ``causes`` are those that are right, none for a control; ``onset_ms`` is when the fault began.

    ``how`` says in words on what kind of machine it was made, and how often its agent looked.
    """

    name: str
    causes: Sequence[str]
    seed: int
    onset_ms: int
    end_ms: int
    how: str
    tables: Tables

    def moved(self, end_ms: int) -> Tables:
        """Return the tables as if the recording had ended at ``end_ms``."""
        off = end_ms - self.end_ms
        return {name: {**columns, "ts": [at + off for at in columns["ts"]]} for name, columns in self.tables.items()}

    def save(self, folder: Path) -> Path:
        """Write it to its file in ``folder``, and return that."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}{_SUFFIX}"
        text = json.dumps(asdict(self), separators=(",", ":"))
        # Without the moment of writing, so that the same recording is the same file.
        path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        return path


def load(path: Path) -> Recording:
    """Read a recording."""
    return Recording(**json.loads(gzip.decompress(path.read_bytes())))


def recordings(kind: str) -> list[Path]:
    """Return the files of ``TUNING`` or ``REPORTED``, by name."""
    return sorted((FOLDER / kind).glob(f"*{_SUFFIX}"))


def cut(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Columns:
    """Return ``rows`` as columns, without those that say nothing."""
    made = {name: [_short(row[place]) for row in rows] for place, name in enumerate(columns)}
    return {name: cells for name, cells in made.items() if any(cell is not None for cell in cells)}


def scrubbed(table: str, columns: Columns, mounts: Mapping[str, str]) -> Columns:
    """Return ``columns`` without what tells of the machine below it: command lines, its pressure, and mounts that ``mounts`` does not name anew."""
    kept = {name: cells for name, cells in columns.items() if name not in _PRIVATE.get(table, ())}
    if table != "disk":
        return kept
    places = [place for place, mount in enumerate(columns["mount"]) if mount in mounts]
    kept = {name: [cells[place] for place in places] for name, cells in kept.items()}
    return {**kept, "mount": [mounts[mount] for mount in kept["mount"]]}


def _short(cell: Any) -> Any:
    # Six digits are more than any sensor has, and half the file.
    return float(f"{cell:.6g}") if isinstance(cell, float) else cell
