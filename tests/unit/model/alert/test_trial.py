"""Tests of rules, as files write them."""

import tomllib
from dataclasses import replace

import pytest

from nagare.errors import InputError
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.trial import TrialFile, Wanted, differences, parse_trials
from nagare.model.event import Severity

FILE = """
rules = ["disk.toml"]
[[test]]
rule = "DiskFull"
[[test.rows]]
table = "disk"
host = "a"
mount = "/"
total_bytes = 100
fstype = "ext4"
used_ratio = "0.5x2 _ 0.97"
read_only = "false"
[[test.expect]]
at = "5m"
alerts = [{host = "a", mount = "/", state = "firing", severity = "high"}]
"""
FIRING = Alert(
    "1", "rules", "f", "DiskFull", Severity.HIGH, {"alertname": "DiskFull", "host": "a", "severity": "high"},
    {"summary": "full"}, 0, 0, 0, AlertState.FIRING, value=0.97,
)  # fmt: skip


def _parse(text: str) -> TrialFile:
    return parse_trials(tomllib.loads(text), "x.test.toml")


def test_keys_and_numbers_hold_for_all_rows_and_series_go_on() -> None:
    found = _parse(FILE)
    (rows,) = found.trials[0].rows
    assert found.files == ("disk.toml",)
    assert (rows.count, rows.every_seconds) == (4, 30.0)
    assert rows.columns == {
        "mount": ["/"] * 4, "total_bytes": [100] * 4, "fstype": ["ext4"] * 4, "used_ratio": [0.5, 0.5, None, 0.97],
        "read_only": [False, None, None, None],
    }  # fmt: skip
    assert found.trials[0].expectations[0].alerts == (Wanted({"host": "a", "mount": "/"}, "firing", "high"),)


def test_a_table_of_a_sender_has_numbers_or_words() -> None:
    text = FILE.replace('"disk"', '"app"').replace("total_bytes", 'queue = "1 2"\nwords = ["x", "y"]\ntotal_bytes')
    (rows,) = _parse(text).trials[0].rows
    assert rows.columns["queue"] == [1.0, 2.0, None, None]
    assert rows.columns["words"] == ["x", "y", None, None]
    assert rows.columns["mount"] == ["/"] * 4


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ("used_ratio", "usd_ratio", "#/test/0/rows/0/usd_ratio"),
        ('"0.5x2 _ 0.97"', '"0.5x2 _ abc"', "#/test/0/rows/0/used_ratio"),
        ('at = "5m"', 'at = "soon"', "#/test/0/expect/0/at"),
        ('"firing"', '"burning"', "#/test/0/expect/0/alerts/0/state"),
        ('severity = "high"', 'severity = "worst"', "#/test/0/expect/0/alerts/0/severity"),
        ('rule = "DiskFull"', 'rules = "DiskFull"', "#/test/0/rule"),
        ("[[test.expect]]", "[[test.expects]]", "#/test/0/expect"),
        ("alerts = [", "alert = [", "#/test/0/expect/0/alerts"),
    ],
)
def test_a_fault_is_told_with_its_place(old: str, new: str, pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        _parse(FILE.replace(old, new))
    assert pointer in [fault["pointer"] for fault in caught.value.errors]


def test_a_file_without_tests_is_none() -> None:
    with pytest.raises(InputError, match="there is none"):
        _parse("")


@pytest.mark.parametrize(
    ("wanted", "alerts", "count"),
    [
        ([], [], 0),
        ([Wanted({"host": "a"})], [FIRING], 0),
        ([Wanted({"host": "a"}, "firing", "high", 0.97, {"summary": "full"})], [FIRING], 0),
        ([Wanted({"host": "a", "mount": ""})], [FIRING], 0),
        ([], [FIRING], 1),
        ([Wanted({"host": "b"})], [], 1),
        ([Wanted({"host": "a"}), Wanted({"host": "a"})], [FIRING], 1),
        ([Wanted({"host": "a"}, value=0.5)], [FIRING], 1),
        ([Wanted({"host": "b"})], [FIRING], 2),
        ([], [replace(FIRING, state=AlertState.RESOLVED)], 0),
        ([Wanted({"host": "a"})], [replace(FIRING, state=AlertState.RESOLVED)], 1),
        ([Wanted({"host": "a"}, "resolved")], [replace(FIRING, state=AlertState.RESOLVED)], 0),
        ([], [replace(FIRING, state=AlertState.PENDING)], 1),
    ],
)
def test_what_differs(wanted: list[Wanted], alerts: list[Alert], count: int) -> None:
    assert len(differences(wanted, alerts)) == count


def test_a_difference_says_what_is_there_instead() -> None:
    (text,) = differences([Wanted({"host": "a"}, "pending")], [FIRING])
    assert text == (
        "there is no alert with state pending, host a; there is state firing, severity high, value 0.97, host a"
    )
