"""The kept state of the scores: what is read again scores on as if nothing had been."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nagare.diagnosis.anomalies.intake import SeriesName
from nagare.diagnosis.anomalies.state import load_state, save_state
from nagare.insights.anomalies.detector import Detector

BEGIN_MS, STEP_MS = 1_767_225_600_000, 1_800_000
SERIES = 6
# More than are held, and some days.
ROWS = 200
NAMES = [SeriesName(f"web{number}", "memory", "used_ratio") for number in range(SERIES)]


def _values() -> Any:
    values = np.random.default_rng(6).normal(10.0, 1.0, (2 * ROWS, SERIES))
    values[ROWS - 40, 2] = 90.0
    values[ROWS + 30, 2:4] = 80.0
    return values


def _scores(detector: Detector, first: int, last: int) -> list[Any]:
    values, places = _values(), np.arange(SERIES)
    return [
        detector.advance(places, np.full((SERIES, 1), BEGIN_MS + STEP_MS * at), values[at][:, None]).score.tolist()
        for at in range(first, last)
    ]


def _as_before(content: bytes) -> bytes:
    """Return a state as the version before wrote it: rows in the order of time, and no word of where rings begin."""
    rings = {
        "mean_oldest": "mean_rows",
        "season_oldest": "season_rows",
        "jump_oldest": "jump_rows",
        **{
            f"{news}_{held}_oldest": f"{news}_{held}"
            for news in ("departures", "jumps")
            for held in ("held", "told")
        },
    }  # fmt: skip
    with np.load(io.BytesIO(content)) as kept:
        arrays = {name: kept[name] for name in kept.files}
    for oldest, rows in rings.items():
        begins = arrays.pop(oldest)
        arrays[rows] = np.array([np.roll(row, -at) for row, at in zip(arrays[rows], begins, strict=True)])
    arrays["version"] = np.array(2)
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **arrays)
    return written.getvalue()


@pytest.mark.parametrize("is_old", [False, True])
def test_a_state_that_was_kept_scores_on(tmp_path: Path, is_old: bool) -> None:
    path, detector = tmp_path / "state", Detector(SERIES)
    _scores(detector, 0, ROWS)
    save_state(path, NAMES, detector, ())
    if is_old:
        path.write_bytes(_as_before(path.read_bytes()))
    names, restored, _ = load_state(path, SERIES)
    assert names == NAMES
    going_on = _scores(detector, ROWS, 2 * ROWS)
    assert max(max(row) for tick in going_on for row in tick) > 0.5
    assert _scores(restored, ROWS, 2 * ROWS) == going_on


def test_what_was_forgotten_is_as_new() -> None:
    detector, place = Detector(SERIES), np.arange(SERIES)
    _scores(detector, 0, ROWS)
    detector.forget(place)
    assert _scores(detector, ROWS, 2 * ROWS) == _scores(Detector(SERIES), ROWS, 2 * ROWS)
