"""The file that rows are exported to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """A file that is not there yet, its form (csv, ndjson, parquet) and bound; ``report`` hears how large it is by now."""

    file: Path
    form: str
    limit_bytes: int
    report: Callable[[int], None]
