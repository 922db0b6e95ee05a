"""Alerts, silences and rules from a terminal: a real server that judges rules of a folder."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagare.cli.main import main
from tests.support.processes import RunningServer, child_environment, serving, wait_until

RULES = """
[[rule]]
name = "Full"
sql = "SELECT host, mount, value FROM (VALUES ('web1', '/srv', 0.97), ('web2', '/', 0.98)) AS t(host, mount, value)"
every = "5s"
fires = "> 0.95"
severity = "high"
guide = "nagare rules guide DiskFull"
annotations.summary = "{{ host }}: {{ mount }} is {{ value | percent }} full"

[[rule]]
name = "Broken"
sql = "SELECT nothing FROM cpu"
every = "5s"
severity = "info"
"""


class Terminal:
    """Runs commands in this process against a server in another: loading the program anew for each takes long."""

    def __init__(self, data: Path, captured: pytest.CaptureFixture[str]) -> None:
        self._data = data
        self._captured = captured

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Return what a command wrote on both streams."""
        found = main(["--data", str(self._data), *arguments])
        out, err = self._captured.readouterr()
        assert found == status, (arguments, out, err)
        return out, err

    def rows(self, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
        """Return the objects that a command wrote."""
        found: list[dict[str, Any]] = json.loads(self.run(*arguments, "-o", "json", status=status)[0])
        return found


@pytest.fixture
def terminal(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Commands against the server."""
    return Terminal(server.data, capsys)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two alerts that fire, and a rule that cannot be judged."""
    root = tmp_path_factory.mktemp("alerts")
    (root / "rules").mkdir()
    (root / "rules" / "own.toml").write_text(RULES)
    # The guards of single tests are not yet up here.
    homes = {name: str(root / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environment = child_environment(**homes, NAGARE_ALERTS__RULES=str(root / "rules"), NAGARE_ALERTS__SHIPPED="false")
    with serving(root / "data", environment=environment) as found:

        def judged() -> bool:
            fired = len(found.request("/api/v1/alerts?state=active&rule=Full")["alerts"]) == 2
            return fired and all(rule["judged_at"] for rule in found.request("/api/v1/rules")["rules"])

        wait_until(judged, "two alerts and two judged rules", found.process)
        yield found


def test_alerts_from_their_coming_to_their_end(terminal: Terminal) -> None:
    run, rows = terminal.run, terminal.rows
    web1, web2 = sorted(rows("alerts", "list", "--rule", "Full"), key=lambda one: str(one["labels"]["host"]))
    assert (web1["name"], web1["state"], web1["severity"]) == ("Full", "firing", 2)
    assert [one["id"] for one in rows("alerts", "list", "-l", "mount=~/s.*")] == [web1["id"]]
    table = run("alerts", "-o", "table")[0]
    assert "web2: / is 98.0% full" in table
    assert web1["id"] not in table
    assert web1["id"][:8] in table
    assert run("alerts", "list", "--check", "--severity", "high", status=1)[0]
    assert rows("alerts", "list", "--check", "--severity", "critical") == []

    assert "(Full web1) is acknowledged by local" in run("alerts", "ack", web1["id"][:8], "-m", "mine")[1]
    _, said = run("alerts", "ack", web1["id"], web2["id"], status=7)
    assert "(Full web2) is acknowledged" in said
    assert "it is acknowledged by local" in said
    run("alerts", "comment", web1["id"][:8], "the backup filled it")
    shown = json.loads(run("alerts", "show", web1["id"][:8], "-o", "json")[0])
    assert [(turn["after"], turn["cause"]) for turn in shown["turns"]][1:] == [
        ("acknowledged", "mine"), ("acknowledged", "the backup filled it")
    ]  # fmt: skip
    assert "the backup filled it" in run("alerts", "show", web1["id"][:8], "-o", "table")[0]
    steps, told = run("alerts", "why", web1["id"][:8], "-o", "table")
    assert "local has it in hand" in steps
    assert "nobody is told of it: state" in told
    assert "(Full web2) is firing" in run("alerts", "unack", "host=web2")[1]
    assert "(Full web1) is resolved" in run("alerts", "resolve", "host=web1", "alertname=Full")[1]
    assert "none that is" in run("alerts", "ack", "host=nobody", status=5)[1]
    assert "there is none of that id" in run("alerts", "show", "ffffffff", status=5)[1]


def test_silences_from_their_making_to_their_end(terminal: Terminal) -> None:
    run, rows = terminal.run, terminal.rows
    would, said = run("silences", "add", "host=web2", "--check", "-o", "csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(would))] == ["Full"]
    assert "1 alert that is active would be silenced" in said
    assert "how long" in run("silences", "add", "host=web2", status=2)[1]
    assert "every matcher is true" in run("silences", "add", "host!=web2", "--check", status=2)[1]
    add = ("silences", "add", "host=web2", "--for", "2h", "--reason", "new disks", "--idle", "30m")
    assert "it matches 1 alert now" in run(*add)[1]
    later = ("silences", "add", "host=web3", "--for", "2h", "--reason", "move", "--starts", "1h")
    assert rows(*later)[0]["state"] == "waiting"
    waiting, silence = rows("silences")
    assert (silence["matchers"], silence["idle_seconds"], silence["matches"]) == (["host=web2"], 1800, 1)
    (alert,) = rows("alerts", "list", "--host", "web2")
    assert alert["silenced_by"] == [silence["id"]]
    assert "new disks" in run("alerts", "why", alert["id"], "-o", "table")[0]
    run("silences", "end", silence["id"][:8], waiting["id"][:8])
    assert rows("silences") == []
    assert {one["cause"] for one in rows("silences", "list", "--all")} == {"ended by hand"}
    assert "over already" in run("silences", "end", silence["id"], status=7)[1]


def test_rules_and_how_they_do(terminal: Terminal) -> None:
    run, rows = terminal.run, terminal.rows
    (broken,) = rows("rules", "list", "--health", "failing")
    assert broken["name"] == "Broken"
    out, said = run("rules", "-o", "table")
    assert "Full" in out
    assert "rule Broken cannot be judged" in said
    assert "SELECT host, mount, value" in run("rules", "show", "Full", "-o", "table")[0]
    assert "did you mean 'Full'?" in run("rules", "show", "Ful", status=5)[1]


def test_rules_are_saved_written_out_and_deleted(terminal: Terminal, tmp_path: Path) -> None:
    run, rows = terminal.run, terminal.rows
    file = tmp_path / "load.toml"
    text = "[[rule]]\nname = 'Busy'\nsql = 'SELECT host, max(busy_ratio) AS value FROM cpu GROUP BY host'\nfires = '> 0.9'\n"
    file.write_text(text + "severity = 'info'\n")
    (checked,) = rows("rules", "save", str(file), "--check", "--since", "1h")
    assert (checked["change"], checked["outcome"], checked["replay"]["alerts"]) == ("new", "ok", 0)
    assert "Busy" not in {rule["name"] for rule in rows("rules")}
    out, said = run("rules", "save", str(file), "-o", "json")
    assert ('+fires = "> 0.9"' in said, json.loads(out)[0]["origin_kind"]) == (True, "api")
    assert "1 of 1 rules are there already" in run("rules", "save", str(file), "-o", "table")[1]
    exported = tmp_path / "again.toml"
    exported.write_text(run("rules", "export", "Busy", "Full")[0].replace("> 0.95", "> 0.5"))
    assert "the file own.toml has it" in run("rules", "save", str(exported), status=2)[1]
    exported.write_text(run("rules", "export", "Busy")[0].replace("> 0.9", "> 0.8"))
    said = run("rules", "save", str(exported), "-o", "table")[1]
    assert ('-fires = "> 0.9"' in said, '+fires = "> 0.8"' in said) == (True, True)
    file.write_text(text.replace("busy_ratio", "nothing") + "severity = 'info'\n")
    assert "nothing was saved" in run("rules", "save", str(file), status=2)[1]
    assert "bad" in run("rules", "save", str(file), "--check", "-o", "table", status=1)[0]
    file.write_text('[[inhibit]]\nname = "x"\nsources = ["a=b"]\ntargets = ["c=d"]\n')
    assert "it has more than rules" in run("rules", "save", str(file), status=2)[1]
    assert "the file own.toml has it" in run("rules", "delete", "Full", status=7)[1]
    assert "since it was read" in run("rules", "delete", "Busy", "--revision", "1", status=7)[1]
    assert "Busy is deleted" in run("rules", "delete", "Busy")[1]
    run("rules", "delete", "Busy", status=5)
