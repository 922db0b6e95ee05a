"""The labelled series of a folder: CSV files of ``timestamp,value``, and the windows of each in ``windows.json``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benches.nab.scoring import Labelled
from nagare.insights.frames import Wish, read_frame
from nagare.metrics.sheets import Sheet


def load(folder: Path) -> dict[str, Labelled]:
    """Return the series of ``folder`` by the names of their files."""
    windows = {Path(name).name: found for name, found in json.loads((folder / "windows.json").read_text()).items()}
    series = {}
    for path in sorted(folder.glob("*.csv")):
        with Sheet(path) as sheet:
            frame = read_frame(sheet, Wish())
            stamps = [text or "" for text in sheet.texts(frame.time)]
        ((_, column, _),) = frame.series()
        places = [(_first(stamps, begin), _last(stamps, end)) for begin, end in windows.get(path.name, ())]
        series[path.name] = Labelled(frame.ts_ms, frame.values[column], places)
    return series


def _first(stamps: list[str], moment: str) -> int:
    return stamps.index(_plain(moment))


def _last(stamps: list[str], moment: str) -> int:
    return int(np.flatnonzero(np.array(stamps) == _plain(moment))[-1])


def _plain(moment: str) -> str:
    return moment.partition(".")[0]
