"""What waits in a spool that nobody owns at the moment, read without changing it; exact, for every record is looked at."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nagare.agent.batches import Packed
from nagare.agent.shelf import Shelf, load_note
from nagare.lib.intervals import IntervalSet
from nagare.lib.segment_log import read_log


@dataclass(frozen=True, slots=True)
class Survey:
    """Batches that wait, what their segments take, and when the oldest was made (Unix milliseconds, zero: not known)."""

    batches: int
    size_bytes: int
    oldest_ms: int


def survey_spool(spool: Path) -> Survey:
    """Return what waits below ``spool``; nothing where no agent ever kept anything. Raises StorageError."""
    directory = spool / "batches"
    paths = sorted(path for path in directory.glob("*.seg") if path.stem.isdigit())
    made = {index: _made_ms(record) for index, record in read_log(directory, 1, [])}
    starts = [int(path.stem) for path in paths]
    shelves = [Shelf(first, end) for first, end in zip(starts, [*starts[1:], 0], strict=False)]
    load_note(directory / "acknowledged", shelves, max(made, default=0) + 1)
    gone = IntervalSet(span for shelf in shelves for span in shelf.gone)
    waiting = [at_ms for index, at_ms in made.items() if index not in gone]
    size_bytes = sum(_size(path) for path in paths) if waiting else 0
    return Survey(len(waiting), size_bytes, min((at_ms for at_ms in waiting if at_ms), default=0))


def _made_ms(record: bytes) -> int:
    with suppress(ValueError):
        return Packed.from_record(record).at_ms
    return 0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
