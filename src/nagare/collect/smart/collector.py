"""Columns of ``smart``: asks each drive once an hour, several at one time, and never wakes one that sleeps."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from nagare.collect.collector import AbsentError, Tables, Tick
from nagare.collect.reading.crew import Crew
from nagare.collect.reading.programs import find_program, run_program
from nagare.collect.reading.rows import Row, RowLimit, columns_of
from nagare.collect.smart.report import Drive, parse_drives, parse_report
from nagare.errors import NagareError

_INTERVAL_SECONDS = 3600.0
_THREADS = 4
DRIVE_LIMIT = 256


class SmartCollector:
    """Finds the drives and asks each for its health."""

    name: ClassVar[str] = "smart"
    interval_seconds: ClassVar[float | None] = _INTERVAL_SECONDS
    is_slow: ClassVar[bool] = True

    def __init__(self, *, timeout_seconds: float = 10.0, places: str | None = None) -> None:
        """Ask nothing yet; all drives together may take most of ``timeout_seconds``."""
        self._places = places
        self._scan_seconds = timeout_seconds * 0.3
        self._drive_seconds = timeout_seconds * 0.5
        self._crew: Crew[Drive, Row | None] = Crew("smartctl", _THREADS)
        self._limit = RowLimit("smart", DRIVE_LIMIT)

    def collect(self, tick: Tick) -> Tables:  # noqa: ARG002  nothing here is a rate
        """Return one row a drive that is awake and answered in time."""
        smartctl = find_program("smartctl", self._places)
        if smartctl is None:
            raise AbsentError("cannot read drive health: smartctl is not installed", hint="install smartmontools")
        scan = run_program((smartctl, "--scan-open", "--json"), self._scan_seconds)
        drives = self._limit.cut(parse_drives(scan.output))
        if not drives:
            raise AbsentError(
                "cannot read drive health: smartctl opened no drive", hint="it needs to run as root, and real drives"
            )
        return {"smart": columns_of(self._ask_all(smartctl, drives))}

    def close(self) -> None:
        """Hold nothing between calls, so give nothing back."""

    def _ask_all(self, smartctl: str, drives: list[Drive]) -> list[Row]:
        jobs = {drive: partial(self._ask, smartctl, drive) for drive in drives}
        told = self._crew.run(jobs, self._drive_seconds)
        return [row for drive in drives if (row := told.get(drive)) is not None]

    def _ask(self, smartctl: str, drive: Drive) -> Row | None:
        argv = (smartctl, "--json", "-a", "-n", "standby", "-d", drive.type, drive.path)
        try:
            return parse_report(drive.label, run_program(argv, self._drive_seconds).output)
        except NagareError:
            return None
