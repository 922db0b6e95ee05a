"""``nagare rules check`` and ``test`` as a shell sees them, without any server."""

import asyncio
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nagare.cli.main import main
from nagare.lib.clock import ManualClock, SystemClock
from tests.support.metric_store import make_batch, make_store

RULE = """
[[rule]]
name = "Slow"
sql = "SELECT host, avg(load1) AS value FROM load GROUP BY host"
window = "1m"
every = "30s"
fires = "> 2"
severity = "warning"
no_data = "alert"
"""
TESTS = """
rules = ["own.toml"]

[[test]]
rule = "Slow"
name = "load that comes and goes"
[[test.rows]]
table = "load"
host = "a"
every = "30s"
load1 = "1x4 5x4 1x6"
cores = "4x14"
[[test.expect]]
at = "1m"
alerts = []
[[test.expect]]
at = "3m"
alerts = [{ host = "a", severity = "warning" }]
[[test.expect]]
at = "6m"
alerts = []

[[test]]
rule = "Slow"
name = "nothing is said"
[[test.expect]]
at = "30s"
alerts = [{ alertname = "NoData", rule = "Slow" }]

[[test]]
rule = "HostDown"
[[test.rows]]
table = "hosts"
host = "b"
every = "1m"
state = ["up", "down", "up"]
[[test.expect]]
at = "30s"
alerts = []
[[test.expect]]
at = "1m"
alerts = [{ host = "b", severity = "critical" }]
[[test.expect]]
at = "2m"
alerts = []
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with a rule and its tests."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.toml").write_text(RULE)
    (folder / "own.test.toml").write_text(TESTS)
    return folder


class Terminal:
    """Commands over a data directory without a server."""

    def __init__(self, data: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._captured = captured

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Return what a command wrote on both streams."""
        found = main(["--data", str(self.data), *arguments])
        out, err = self._captured.readouterr()
        assert found == status, (arguments, out, err)
        return out, err

    def rows(self, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
        """Return the objects that a command wrote."""
        found: list[dict[str, Any]] = json.loads(self.run(*arguments, "-o", "json", status=status)[0])
        return found


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Commands over a data directory that is not there."""
    return Terminal(tmp_path / "data", capsys)


def test_tests_that_are_as_expected(terminal: Terminal, rules: Path) -> None:
    out, said = terminal.run("rules", "test", str(rules), "-o", "json")
    assert [(one["test"], one["outcome"], one["differences"]) for one in json.loads(out)] == [
        ("load that comes and goes", "ok", []), ("nothing is said", "ok", []), ("test 3", "ok", [])
    ]  # fmt: skip
    assert said == "nagare: 3 tests, all as expected\n"


def test_a_rule_that_is_judged_otherwise_is_told(terminal: Terminal, rules: Path) -> None:
    (rules / "own.toml").write_text(RULE.replace("> 2", "> 9"))
    out, said = terminal.run("rules", "test", str(rules / "own.test.toml"), "-o", "table", status=1)
    assert "failed" in out
    assert "load that comes and goes: at 3m00s there is no alert with state active, severity warning, host a" in said
    assert "3 tests, 1 failed" in said


def test_a_statement_that_cannot_be_judged_is_a_difference(terminal: Terminal, rules: Path) -> None:
    (rules / "own.toml").write_text(RULE.replace("avg(load1) AS value", "avg(load9) AS value"))
    found = terminal.rows("rules", "test", str(rules), status=1)
    assert "at 0s the rule cannot be judged" in found[0]["differences"][0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rule = "Slow"', 'rule = "Slwo"', "did you mean"),
        ('"own.toml"', '"other.toml"', "other.toml"),
        ("load1 =", "lod1 =", "test.0.rows.0.lod1: is no column of load"),
    ],
)
def test_tests_that_cannot_be_run_are_refused(terminal: Terminal, rules: Path, old: str, new: str, said: str) -> None:
    (rules / "own.test.toml").write_text(TESTS.replace(old, new))
    assert said in terminal.run("rules", "test", str(rules), status=2)[1]


def test_rules_are_read_where_nobody_answers(terminal: Terminal, rules: Path) -> None:
    (found,) = terminal.rows("rules", "check", str(rules))
    assert (found["rule"], found["outcome"]) == ("Slow", "not asked")
    (rules / "bad.toml").write_text(RULE.replace("sql", "sqll"))
    bad = terminal.rows("rules", "check", str(rules), status=1)[0]
    assert (bad["outcome"], bad["rule"]) == ("bad", "")
    assert "rule.0.sql: is missing" in bad["text"]
    assert "there is none" in terminal.run("rules", "check", str(rules / "none"), status=5)[1]
    assert "alerts.rules names no folder" in terminal.run("rules", "check", status=2)[1]


def test_statements_are_asked_of_the_files(terminal: Terminal, rules: Path) -> None:
    terminal.data.mkdir(mode=0o700)
    (rules / "own.toml").write_text(RULE + RULE.replace("Slow", "Wrong").replace("load1", "load9"))
    (rules / "hosts.toml").write_text('[[rule]]\nname="Away"\nsql="SELECT host FROM hosts"\nseverity="info"\n')
    found = {one["rule"]: one for one in terminal.rows("rules", "check", str(rules), status=1)}
    assert (found["Slow"]["outcome"], found["Slow"]["rows"], found["Slow"]["firing"]) == ("ok", 0, 0)
    assert found["Wrong"]["outcome"] == "bad"
    assert "load9" in found["Wrong"]["text"]
    assert found["Away"]["outcome"] == "not asked"


async def _fill(data: Path, now_ms: int) -> None:
    """Two hours of a disk that was full from 90 to 60 minutes ago, and for three minutes at the end."""
    moments = range(now_ms - 7_200_000, now_ms, 30_000)
    full = [now_ms - 5_400_000 <= ts < now_ms - 3_600_000 or ts >= now_ms - 240_000 for ts in moments]
    disk = {
        "ts": list(moments),
        "mount": ["/"] * len(full),
        "used_ratio": [0.97 + place * 1e-5 if one else 0.5 for place, one in enumerate(full)],
    }
    async with make_store(data, clock=ManualClock(now_ms)) as store:
        reply = await store.append(make_batch(1, {"disk": disk}))
        assert reply.accepted == len(full)


def test_the_past_is_replayed_from_the_files(terminal: Terminal, rules: Path) -> None:
    terminal.data.mkdir(mode=0o700)
    now_ms = SystemClock().now_ms()
    asyncio.run(_fill(terminal.data, now_ms))
    out, said = terminal.run("rules", "replay", "DiskFull", "HostDown", "--since", "2h", "-o", "json")
    found = json.loads(out)
    first, last = found["alerts"]
    minutes = [(_ms(first[end]) - now_ms) / 60_000 for end in ("from", "until")]
    assert minutes == pytest.approx([-88, -60], abs=1.5)
    assert (first["rule"], first["severity"], first["labels"]) == ("DiskFull", "high", {"host": "web1", "mount": "/"})
    assert 0.97 < first["worst"] < 0.98
    assert last["until"] is None
    (told,) = found["rules"]
    assert (told["alerts"], told["looks"], told["step_seconds"], told["faults"]) == (
        2,
        pytest.approx(121, abs=1),
        60,
        0,
    )
    assert told["active_seconds"] == pytest.approx(30 * 60, abs=180)
    assert "HostDown is left out: it asks the table hosts" in said
    table, said = terminal.run("rules", "replay", "DiskFull", "--since", "2h", "--step", "10m", "-o", "table")
    assert "host=web1 mount=/" in table
    assert "larger steps than the server takes" in said
    csv = terminal.run("rules", "replay", "DiskFull", "--since", "2h", "--limit", "1", "-o", "csv")
    assert len(csv[0].splitlines()) == 2
    assert "1 later alerts are not shown" in csv[1]


def test_rules_that_are_not_saved_yet_are_replayed(terminal: Terminal, rules: Path) -> None:
    terminal.data.mkdir(mode=0o700)
    (rules / "own.toml").write_text(RULE + RULE.replace("Slow", "Wrong").replace("load1", "load9"))
    out, said = terminal.run("rules", "replay", "--file", str(rules / "own.toml"), "--since", "5m", "-o", "json")
    found = json.loads(out)
    # Nothing is an alert of its own under this rule.
    assert [(one["rule"], one["labels"]["reason"]) for one in found["alerts"]] == [("Slow/no-data", "no-data")]
    assert "Wrong could not be judged at" in said
    assert "did you mean" in terminal.run("rules", "replay", "Slwo", "--file", str(rules / "own.toml"), status=5)[1]
    way_out = terminal.run("rules", "replay", "DiskFull", "--since", "365d", "--step", "30s", status=2)[1]
    assert "statements, 50000 at the most" in way_out


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_the_documented_tests_hold(terminal: Terminal, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "test-rules.md").read_text()
    (tmp_path / "disk.toml").write_text("")
    (tmp_path / "disk.test.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    (found,) = terminal.rows("rules", "test", str(tmp_path))
    assert found["outcome"] == "ok"


WEBHOOK = """
[[webhook]]
name = "uptime"
items = "/checks"
alertname = "/check"
"""


def test_a_mapping_is_checked_and_shows_what_it_makes(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "uptime.toml").write_text(WEBHOOK)
    (checked,) = terminal.rows("rules", "check", str(file))
    assert (checked["rule"], checked["outcome"]) == ("webhook uptime", "ok")

    def give(body: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))

    give(b'{"checks": [{"check": "Full\\u001b[31m"}]}')
    (made,) = terminal.rows("alerts", "map", str(file), "uptime")
    assert (made["state"], made["severity"], made["name"], made["source"]) == (
        "firing",
        "warning",
        "Full␛[31m",
        "hook.uptime",
    )
    give(b'{"checks": [{}]}')
    assert "#/checks/0/check is missing" in terminal.run("alerts", "map", str(file), "uptime", status=2)[1]
    assert "did you mean 'uptime'" in terminal.run("alerts", "map", str(file), "uptme", status=5)[1]
    file.write_text(WEBHOOK.replace("items", "itmes"))
    assert "webhook.0.itmes: is not known" in terminal.rows("rules", "check", str(file), status=1)[0]["text"]


def test_the_media_type_is_printed_without_a_server(terminal: Terminal) -> None:
    out, _ = terminal.run("alerts", "zabbix-media-type", "--url", "https://nagare.example.com:8750")
    assert out.startswith("zabbix_export:\n  version: '6.0'\n")
    assert "value: 'https://nagare.example.com:8750'" in out
    assert "it is no address" in terminal.run("alerts", "zabbix-media-type", "--url", "nagare", status=2)[1]
