"""Killed at every step between an alert and a message: each channel is told at least once, and a repeat carries the same id."""

import json
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from nagare.alerting.notify.observe import STEPS
from tests.support import warm
from tests.support.crash_notify import CHANNELS, GROUPS
from tests.support.migrated import place_records
from tests.support.processes import child_environment
from tests.support.source import ROOT

_PATIENCE_SECONDS = 60.0


def _run(folder: Path, step: str, number: int) -> int:
    argv = [sys.executable, "-m", "tests.support.crash_notify", str(folder), step, str(number)]
    ended = warm.run(
        argv, env=child_environment(), cwd=ROOT, capture_output=True, check=False, timeout=_PATIENCE_SECONDS
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    return ended.returncode


def _messages(folder: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in (folder / "sink").read_text().splitlines()]


@pytest.mark.parametrize("most", [2, pytest.param(6, marks=pytest.mark.soak)])
@pytest.mark.parametrize(("step", "number"), [*((step, 1) for step in STEPS), ("kept", 3), ("sent", 3), ("noted", 3)])
def test_killed_at_a_step_everybody_is_told_and_knows_a_repeat(
    tmp_path: Path, step: str, number: int, most: int
) -> None:
    place_records(tmp_path / "records.db")
    kills = 0
    while _run(tmp_path, step, number) != 0:
        kills += 1
        if kills == most:
            assert _run(tmp_path, "none", 0) == 0
            break
    assert kills >= 1
    told = _messages(tmp_path)
    by_id = {str(one["id"]): one for one in told}
    # A repeat says the same, and nothing is said under a second id.
    assert all(by_id[str(one["id"])] == one for one in told)
    count = Counter(
        (one["channel"], one["reason"], *one["firing"], *one["resolved"])  # type: ignore[misc]
        for one in by_id.values()
    )
    expected = [
        (channel, reason, name.lower())
        for channel in CHANNELS
        for reason in ("first notification", "all alerts resolved")
        for name in GROUPS
    ]
    assert count == Counter(expected)
    # Only what was on its way at a kill is said again.
    assert len(told) - len(by_id) <= kills * 2 * len(GROUPS)
