"""``nagare notifications check`` and ``match`` as a shell sees them, without any server."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nagare.cli.main import main

FILE = """
[route]
receiver = "oncall"
group_by = ["alertname"]
[[route.routes]]
matchers = ["team=db"]
receiver = "ann"
group_wait = "5m"
mutes = ["christmas"]
continue = true
[[route.routes]]
matchers = ["severity=high"]
[[receiver]]
name = "ann"
[[receiver.channel]]
kind = "ntfy"
topic = "a"
[[receiver.channel]]
name = "pager"
kind = "pagerduty"
secret_file = "/nowhere/key"
severity = "critical"
[[receiver]]
name = "bob"
[[rotation]]
name = "primary"
people = ["ann", "bob"]
starts_at = "2026-01-05T09:00"
every = "7d"
[[escalation]]
name = "oncall"
[[escalation.step]]
to = ["primary"]
[[escalation.step]]
after = "15m"
to = ["bob"]
[[mute]]
name = "christmas"
[[mute.span]]
days = ["thu"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notify.toml"
    path.write_text(FILE)
    return path


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Sequence[Any], str]:
    status = main(["notifications", *words, "-o", "json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else [], captured.err


def test_a_file_that_holds_is_counted_and_its_secrets_are_looked_for(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, (fine, doubt), _ = _run(capsys, "check", str(file))
    assert status == 0
    assert fine["text"] == "3 routes, 2 receivers, 1 rotation, 1 escalation, 1 mute time"
    assert (doubt["outcome"], doubt["place"]) == ("doubt", "ann/pager")
    assert "/nowhere/key" in doubt["text"]


def test_every_fault_of_a_file_is_a_row(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.replace('"bob"]', '"bbo"]').replace("5m", "5 years"))
    status, rows, _ = _run(capsys, "check", str(file))
    assert status == 1
    assert {row["outcome"] for row in rows} == {"bad"}
    assert {row["place"] for row in rows} >= {"rotation.0.people.1", "escalation.0.step.1.to.0"}
    file.write_text("[route")
    status, (row,), _ = _run(capsys, "check", str(file), "-q")
    assert (status, row["outcome"]) == (1, "bad")


def test_the_file_of_the_settings_is_checked_where_none_is_given(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(capsys, "check")[0] == 2
    monkeypatch.setenv("NAGARE_ALERTS__NOTIFY_FILE", str(file))
    assert _run(capsys, "check")[0] == 0


def test_who_is_told_of_an_alert_and_who_is_on_duty_then(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("match", str(file), "alertname=Full", "team=db", "severity=high", "--at")
    status, rows, _ = _run(capsys, *words, "2026-12-24T12:00:00Z")
    assert status == 0
    assert [tuple(row.values()) for row in rows] == [
        ("{team=db}", "5m00s", "ann", "ann/ntfy", "alertname=Full", "christmas"),
        ("{severity=high}", "30s", "ann", "ann/ntfy", "alertname=Full", ""),
        ("{severity=high}", "15m30s", "bob", "", "alertname=Full", ""),
    ]
    _, rows, _ = _run(capsys, "match", str(file), "alertname=Full", "--at", "2027-01-05T12:00:00Z")
    assert [(row["route"], row["receiver"], row["channels"]) for row in rows] == [
        ("(root)", "ann", "ann/ntfy, ann/pager"),
        ("(root)", "bob", ""),
    ]
    _, rows, _ = _run(capsys, "match", str(file), "alertname=Full", "--at", "2026-12-29T12:00:00Z")
    assert [row["receiver"] for row in rows] == ["bob", "bob"]


@pytest.mark.parametrize(("label", "told"), [("host", "not LABEL=VALUE"), ("severity=bad", "none of info")])
def test_what_is_no_label_is_refused(file: Path, capsys: pytest.CaptureFixture[str], label: str, told: str) -> None:
    status, _, err = _run(capsys, "match", str(file), label)
    assert status == 2
    assert told in err
