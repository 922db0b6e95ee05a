"""Columns of smart, against a smartctl that plays back captured reports."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.smart.collector import SmartCollector
from tests.unit.collect.trees import CAPTURED, at, program, rows_of

PLAYBACK = f"""
for last; do :; done
case "$*" in
  *--scan-open*) cat {CAPTURED}/smartctl/scan.json;;
  *nvme*) cat {CAPTURED}/smartctl/nvme.json;;
  *megaraid,0*) cat {CAPTURED}/smartctl/sas.json;;
  *megaraid,1*) sleep 30;;
  *-n?standby*sat*) cat {CAPTURED}/smartctl/standby.json; exit 2;;
esac
"""


def test_awake_drives_have_rows_and_none_is_waited_for_too_long(tmp_path: Path) -> None:
    places = program(tmp_path, "smartctl", PLAYBACK)
    collector = SmartCollector(timeout_seconds=2.0, places=f"{places}:/usr/bin:/bin")
    rows = rows_of(collector.collect(at(0)), "smart")
    collector.close()
    assert [row["device"] for row in rows] == ["/dev/nvme0", "/dev/bus/0[megaraid,0]"]


def test_machine_without_smartctl(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="not installed"):
        SmartCollector(places=str(tmp_path)).collect(at(0))


def test_machine_without_drives(tmp_path: Path) -> None:
    places = program(tmp_path, "smartctl", "echo '{}'")
    with pytest.raises(AbsentError, match="opened no drive"):
        SmartCollector(places=places).collect(at(0))
