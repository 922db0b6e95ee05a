"""A switch falls, and forty hosts behind it: from samples in the metric store to one message, and a reason for each that was not sent."""

import urllib.request
from pathlib import Path
from typing import Any

from tests.support.hook import Hook, listening
from tests.support.processes import RunningServer, child_environment, serving, wait_until

_HOSTS = [f"h{number:02d}" for number in range(40)]
ROUTES = """
[route]
receiver = "ops"
group_by = ["rack"]
group_wait = "6s"
group_interval = "1s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "webhook"
url = "URL"
"""
RULES = """
[[rule]]
name = "SwitchDown"
sql = "SELECT host, arg_max(value, ts) AS value FROM samples WHERE name = 'switch_up' GROUP BY host"
every = "5s"
window = "1m"
fires = "< 1"
severity = "critical"

[[rule]]
name = "Unreachable"
sql = "SELECT host, arg_max(value, ts) AS value FROM samples WHERE name = 'up' GROUP BY host"
every = "5s"
window = "1m"
fires = "< 1"
severity = "high"

[[inhibit]]
name = "behind-the-switch"
sources = ["alertname=SwitchDown"]
targets = ["alertname=Unreachable"]
equal = ["rack"]
"""


def _measure(server: RunningServer, value: int) -> None:
    lines = [f'up{{host="{name}"}} {value}' for name in _HOSTS] + [f'switch_up{{host="s1"}} {value}']
    request = urllib.request.Request(
        f"{server.url}/api/v1/import/prometheus",
        "".join(f"{line}\n" for line in lines).encode(),
        {"Authorization": f"Bearer {server.token}", "Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def _active(server: RunningServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.request("/api/v1/alerts?state=active&limit=100")["alerts"]
    return found


def test_one_message_and_forty_reasons(tmp_path: Path) -> None:
    hook = Hook()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.toml").write_text(RULES)
    with listening(hook) as url:
        (tmp_path / "notify.toml").write_text(ROUTES.replace("URL", url))
        environment = child_environment(
            NAGARE_ALERTS__RULES=str(tmp_path / "rules"),
            NAGARE_ALERTS__SHIPPED="false",
            NAGARE_ALERTS__NOTIFY_FILE=str(tmp_path / "notify.toml"),
        )
        with serving(tmp_path / "data", environment=environment) as server:
            for name in [*_HOSTS, "s1"]:
                server.register(name)
                server.request(f"/api/v1/hosts/{name}", {"labels": {"rack": "r7"}}, method="PATCH")
            _measure(server, 0)
            wait_until(lambda: len(_active(server)) == 41, "all alerts", server.process)
            wait_until(lambda: hook.heard, "a message", server.process)
            _explained(server)
            _measure(server, 1)
            wait_until(lambda: _active(server) == [], "all ends", server.process)
            wait_until(lambda: len(hook.heard) == 2, "the end", server.process)
            assert server.sql("SELECT count(*) FROM notifications") == [[2]]
    assert [sorted(_lines(body)) for _, _, body in hook.heard] == [
        [("SwitchDown", "s1", "firing")],
        [("SwitchDown", "s1", "resolved")],
    ]


def _lines(body: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["labels"]["alertname"], one["labels"]["host"], one["status"]) for one in body["alerts"]]


def _explained(server: RunningServer) -> None:
    """Check that each of the forty says what holds it back."""
    behind = [one for one in _active(server) if one["name"] == "Unreachable"]
    assert sorted(one["labels"]["host"] for one in behind) == _HOSTS
    for one in behind:
        why = server.request(f"/api/v1/alerts/{one['id']}/why")
        steps = {step["step"]: step["text"] for step in why["steps"]}
        assert not why["is_told"]
        assert "SwitchDown" in steps["inhibition"]
