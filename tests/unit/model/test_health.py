"""What deserves a look: bounds, what is left out, and the order."""

import math

from nagare.model.health import CHECKED, Columns, Findings, Level, Reason, gather, level_of
from nagare.model.host import HostState

NAN = float("nan")


def judge(tables: dict[str, Columns], cpu_mean: float) -> tuple[Reason, ...]:
    findings = Findings()
    for table, columns in tables.items():
        if table in CHECKED:
            findings.look(table, columns)
    return gather(findings, cpu_mean)


def _check(tables: dict[str, Columns], *expected: tuple[Level, str], cpu: float = NAN) -> None:
    assert [(reason.level, reason.text) for reason in judge(tables, cpu)] == list(expected)


def test_nothing_known_is_nothing_wrong() -> None:
    _check({})
    _check({"memory": {}, "disk": {}, "unit": {}, "agent": {}, "smart": {}, "probe": {}})
    _check({"memory": {"used_ratio": [None]}, "disk": {"mount": ["/"], "used_ratio": [None]}})


def test_each_bound() -> None:
    _check({}, (Level.WARN, "cpu 95.0% busy"), cpu=0.95)
    _check({}, cpu=0.94)
    _check({"memory": {"used_ratio": [0.91]}}, (Level.WARN, "memory 91.0% full"))
    _check({"memory": {"used_ratio": [0.98]}}, (Level.CRIT, "memory 98.0% full"))
    _check({"memory": {"pressure_full_ratio": [0.5]}}, (Level.WARN, "memory stalls 50.0% of the time"))
    _check({"disk": {"mount": ["/v"], "used_ratio": [0.9]}}, (Level.WARN, "disk /v 90.0% full"))
    _check({"disk": {"mount": ["/v"], "inodes_used_ratio": [0.99]}}, (Level.CRIT, "inodes /v 99.0% full"))
    _check({"smart": {"device": ["/dev/sda"], "passed": [False]}}, (Level.CRIT, "drive fails its own test: /dev/sda"))
    _check({"probe": {"target": ["db:5432"], "success": [False]}}, (Level.WARN, "no answer from db:5432"))
    _check(
        {"agent": {"collector": ["smart"], "ok": [False], "error": ["timed out"]}},
        (Level.WARN, "collector smart: timed out"),
    )
    _check({"agent": {"collector": ["smart", "cpu"], "ok": [None, True], "error": [None, None]}})


def test_read_only_images_are_always_full() -> None:
    _check({"disk": {"mount": ["/snap/x"], "used_ratio": [1.0], "read_only": [True]}})


def test_many_failed_units_are_counted() -> None:
    names = ["*", "a.service", "b.service", "c.service", "d.service", "ok.service"]
    states = ["failed", "failed", "failed", "failed", "failed", "active"]
    _check({"unit": {"name": names, "active_state": states}}, (Level.WARN, "failed a.service, b.service and 2 more"))


def test_the_worst_comes_first() -> None:
    reasons = judge({"memory": {"used_ratio": [0.92]}, "disk": {"mount": ["/"], "used_ratio": [0.99]}}, math.nan)
    assert [reason.level for reason in reasons] == [Level.CRIT, Level.WARN]


def test_silence_outranks_old_values() -> None:
    reasons = judge({"memory": {"used_ratio": [0.99]}}, NAN)
    assert level_of(HostState.UP, reasons) is Level.CRIT
    assert level_of(HostState.UP, ()) is Level.UP
    assert level_of(HostState.STALE, reasons) is Level.STALE
    assert level_of(HostState.DOWN, reasons) is Level.DOWN
    assert level_of(HostState.UNKNOWN, ()) is Level.UNKNOWN


def test_foreign_names_cannot_steer_the_terminal() -> None:
    reasons = judge({"disk": {"mount": ["/\x1b[2J"], "used_ratio": [0.95]}}, NAN)
    assert "\x1b" not in reasons[0].text


def test_what_was_found_in_a_table_stands_until_its_next_rows() -> None:
    findings = Findings()
    assert findings.look("memory", {"used_ratio": [0.98]})
    assert findings.look("disk", {"mount": ["/v"], "used_ratio": [0.9]})
    assert [reason.text for reason in findings] == ["memory 98.0% full", "disk /v 90.0% full"]
    assert findings.look("memory", {"used_ratio": [0.5]})
    assert not findings.look("memory", {"used_ratio": [0.5]})
    assert [reason.text for reason in findings] == ["disk /v 90.0% full"]
