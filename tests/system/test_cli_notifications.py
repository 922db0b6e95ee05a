"""Notifications, incidents, heartbeats and messages from a terminal: a real server with routes of a file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagare.cli.main import main
from tests.support.processes import RunningServer, child_environment, serving, wait_until

# What stands at port 9 (discard) is nobody.
ROUTES = """
[route]
receiver = "oncall"
group_by = ["alertname"]
group_wait = "1s"
routes = [{ matchers = ["team=db"], receiver = "ops" }]

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "terminal"

[[receiver]]
name = "away"
[[receiver.channel]]
name = "hook"
kind = "webhook"
secret_env = "HOOK_URL"

[[escalation]]
name = "oncall"
step = [{ after = "0s", to = ["ops"] }]

[[heartbeat]]
name = "backup"
every = "1d"
grace = "1h"
"""
RULES = """
[[rule]]
name = "Full"
sql = "SELECT host, value FROM (VALUES ('web1', 0.97)) AS t(host, value)"
every = "5s"
severity = "high"
annotations.summary = "{{ host }} is {{ value | percent }} full"
"""


class Terminal:
    """Runs commands in this process against a server in another."""

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that told of one alert."""
    root = tmp_path_factory.mktemp("notify")
    (root / "rules").mkdir()
    (root / "rules" / "own.toml").write_text(RULES)
    (root / "notify.toml").write_text(ROUTES)
    # The guards of single tests are not yet up here.
    homes = {name: str(root / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    settings = {"RULES": str(root / "rules"), "SHIPPED": "false", "NOTIFY_FILE": str(root / "notify.toml")}
    environment = child_environment(
        **homes, **{f"NAGARE_ALERTS__{name}": value for name, value in settings.items()}, HOOK_URL="http://127.0.0.1:9/"
    )
    with serving(root / "data", environment=environment) as found:

        def told() -> bool:
            return any(one["state"] == "sent" for one in found.request("/api/v1/notifications")["notifications"])

        wait_until(told, "a notification", found.process)
        yield found


@pytest.fixture
def terminal(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Commands against the server."""
    return Terminal(server.data, capsys)


def test_what_was_told_to_whom(terminal: Terminal) -> None:
    run, rows = terminal.run, terminal.rows
    here = ("notifications", "list", "--channel", "ops/terminal")
    # Another test may have sent a test there before.
    (one,) = (row for row in rows(*here) if row["reason"] != "test")
    assert (one["state"], one["reason"], one["alertnames"]) == ("sent", "first notification", ["Full"])
    assert rows(*here, "--check", "--state", "dead,dropped") == []
    assert "web1 is 97.0% full" in run("notifications", "show", one["id"], "-o", "table")[0]
    assert f"cannot retry notification {one['id']}: it is sent" in run("notifications", "retry", one["id"], status=7)[1]
    (incident,) = rows("incidents", "list")
    assert (incident["labels"], incident["told_to"]) == ({"alertname": "Full"}, ["ops"])
    assert rows("incidents", "list", "--check", status=1) == [incident]
    shown = run("incidents", "show", incident["id"][:8], "-o", "table")[0]
    assert "web1 is 97.0% full" in shown
    assert "ops/terminal" in shown
    assert run("incidents", "show", "nothing", status=5)


def test_whom_alerts_go_to(terminal: Terminal) -> None:
    shown = terminal.run("notifications", "receivers", "-o", "table")[0]
    assert "everything else" in shown
    assert "team=db" in shown
    assert "away/hook" in shown
    assert "127.0.0.1:9" not in shown


def test_a_test_says_by_its_exit_code_whether_it_arrived(terminal: Terminal) -> None:
    (sent,) = terminal.rows("notifications", "test", "oncall")
    assert (sent["channel"], sent["state"], sent["reason"]) == ("ops/terminal", "sent", "test")
    (waiting,) = terminal.rows("notifications", "test", "away", status=1)
    assert (waiting["channel"], waiting["state"]) == ("away/hook", "waiting")
    assert "connection refused" in waiting["fault"]
    assert "is dropped" in terminal.run("notifications", "drop", waiting["id"])[1]
    assert "did you mean 'away'?" in terminal.run("notifications", "test", "awy", status=5)[1]


def test_heartbeats(terminal: Terminal) -> None:
    run, rows = terminal.run, terminal.rows
    assert [(one["name"], one["state"]) for one in rows("heartbeats", "list", "--check")] == [("backup", "waiting")]
    assert "heartbeat backup is kept; due by" in run("heartbeats", "send", "backup", "--took", "12m")[1]
    run("heartbeats", "send", "backup", "--failed", "--text", "no space left")
    (one,) = rows("heartbeats", "list", "--check", status=1)
    assert (one["state"], one["said"], one["sender"]) == ("failed", "no space left", "local")
    assert "did you mean 'backup'?" in run("heartbeats", "send", "bakup", status=5)[1]


def test_a_message(terminal: Terminal) -> None:
    assert "shown on 0 live connections" in terminal.run("message", "db1 restarts", "--for", "1m")[1]
    assert terminal.run("message", "db1 restarts", "--for", "1h", status=2)
