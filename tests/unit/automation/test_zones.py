"""Zones on a machine that has none of its own, as minimal containers are."""

import subprocess
import sys

from tests.support.processes import child_environment

_TOLD = """
from zoneinfo import TZPATH
from nagare.automation.schedules.rules import timetable_of
from nagare.errors import InputError
from nagare.lib.zones import find_zone
assert TZPATH == ()
# Noon in New York is four o'clock in the afternoon of UTC in summer, and five in winter.
table = timetable_of("0 12 * * *", "America/New_York")
print([at_ms // 3_600_000 % 24 for at_ms in (*table.after(1_750_000_000_000, 1), *table.after(1_735_000_000_000, 1))])
for name in ("Europe", "Europe/Nowhere", "../zones", "localtime", "", "a\\x00b", "Zürich", "x" * 5000):
    try:
        find_zone(name)
    except InputError:
        continue
    raise AssertionError(name)
"""


def test_the_package_has_the_zones_where_the_system_has_none() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _TOLD], capture_output=True, check=False, text=True, timeout=60,
        env=child_environment(PYTHONTZPATH="", PYTHONUTF8="1"),
    )  # fmt: skip
    assert told.stderr == ""
    assert told.stdout == "[16, 17]\n"
