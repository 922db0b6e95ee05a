"""Updates end to end: a real server, real agents, and files that are good, ill, or not what was signed."""

import json
import platform
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from nagare import __version__
from nagare.config.places import Places
from nagare.keys.signing import SigningKey
from nagare.wire.updates import Bundle
from tests.support.agent_bundles import ENDS, ENDS_AS_CURRENT, GOOD, SILENT, entry, make_bundle
from tests.support.processes import Process, RunningServer, child_environment, collecting, serving, wait_until
from tests.support.update_roles import DAY_MS, Publisher

NEW = "90.0.0"
QUICK = {
    "NAGARE_AGENT__INTERVAL_SECONDS": "0.5",
    "NAGARE_AGENT__UPDATE_INTERVAL_SECONDS": "0.3",
    "NAGARE_AGENT__TRIAL_GATE_SECONDS": "1",
    "NAGARE_AGENT__NAME": "canary",
}


def publish(server: RunningServer, content: bytes, version: str = NEW) -> dict[str, object]:
    """Publish ``content`` with the server's own key."""
    listed = entry(content, version, platform.machine())
    request = urllib.request.Request(
        f"{server.url}/api/v1/updates/files/{listed['sha256']}",
        data=content,
        method="PUT",
        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
    server.request("/api/v1/updates", {"bundles": [listed]})
    return listed


def roll_out(server: RunningServer, version: str = NEW) -> str:
    """Start a rollout whose canary is the one host, and return its id."""
    wanted = {"version": version, "canaries": ["canary"], "waves": [100], "gate_seconds": 1}
    return str(server.request("/api/v1/updates/rollouts", wanted)["id"])


def rollout(server: RunningServer) -> Any:
    """Return the newest rollout."""
    return server.request("/api/v1/updates/rollouts")["rollouts"][0]


@contextmanager
def able_agent(server: RunningServer, **more: str) -> Iterator[Process]:
    """Run an agent that may be updated."""
    with collecting(server.data, environment=child_environment(**{**QUICK, **more})) as agent:
        wait_until(lambda: host(server), "the host", agent)
        server.request("/api/v1/hosts/canary/accept", {"capabilities": ["update"]})
        yield agent


def host(server: RunningServer) -> Any:
    """Return the host, None before it has registered."""
    return next((view for view in server.request("/api/v1/hosts")["hosts"] if view["name"] == "canary"), None)


def versions(server: RunningServer) -> set[str]:
    """Return the versions whose batches came."""
    rows = server.sql("SELECT DISTINCT version FROM agent WHERE version IS NOT NULL")
    return {str(row[0]) for row in rows}


def texts(server: RunningServer, kind: str) -> list[str]:
    """Return the texts of events of that kind."""
    return [event["text"] for event in server.request(f"/api/v1/events?kind={kind}")["events"]]


def test_a_good_version_installs_and_survives_a_kill(running_server: RunningServer) -> None:
    server = running_server
    publish(server, make_bundle(NEW))
    with able_agent(server) as agent:
        roll_out(server)
        wait_until(lambda: rollout(server)["state"] == "done", "the end of the rollout", agent)
        assert host(server)["version"] == NEW
        assert wait_until(lambda: texts(server, "agent.updated"), "the event", agent) == [f"agent updated to {NEW}"]
        assert "--is-current" in Path(f"/proc/{agent.pid}/cmdline").read_text(), "the same process, another version"
        agent.send(signal.SIGKILL)
        agent.wait()
    with collecting(server.data, environment=child_environment(**QUICK)) as agent:
        wait_until(lambda: f"agent_becomes version={NEW}" in agent.said(), "the proven version again", agent)
        wait_until(lambda: "uplink_up" in agent.said(), "its batches", agent)
        assert agent.stop() == 0


@pytest.mark.parametrize(
    ("first", "says", "reason"),
    [
        (ENDS, "", "ended with status 3 before it delivered"),
        (SILENT, "", "delivered nothing within 5 s"),
        (GOOD, "91.0.0", "calls itself 91.0.0"),
    ],
    ids=["ends", "silent", "another version"],
)
def test_a_bad_canary_goes_back_by_itself_and_stops_the_rollout(
    running_server: RunningServer, first: str, says: str, reason: str
) -> None:
    server = running_server
    publish(server, make_bundle(NEW, first, says=says))
    with able_agent(server, NAGARE_AGENT__TRIAL_SECONDS="60" if says else "5") as agent:
        roll_out(server)
        found = wait_until(lambda: (now := rollout(server))["state"] == "paused" and now, "the pause", agent)
        assert reason in found["reason"]
        assert [one["state"] for one in found["hosts"]] == ["failed"]
        [text] = wait_until(lambda: texts(server, "agent.update_failed"), "the event", agent)
        assert reason in text
        assert f"{__version__} goes on" in text
        assert host(server)["version"] in (__version__, says)
        assert agent.stop() == 0


def test_a_version_that_does_not_come_up_again_is_given_up(running_server: RunningServer) -> None:
    server = running_server
    publish(server, make_bundle(NEW, ENDS_AS_CURRENT))
    with able_agent(server) as agent:
        roll_out(server)
        assert agent.wait(60) == 4
    for _ in range(3):
        with collecting(server.data, environment=child_environment(**QUICK)) as agent:
            assert agent.wait(60) == 4
    with collecting(server.data, environment=child_environment(**QUICK)) as agent:
        wait_until(lambda: f"update_given_up version={NEW}" in agent.said(), "the installed version", agent)
        found = wait_until(lambda: (now := rollout(server))["state"] == "paused" and now, "the pause", agent)
        assert "did not come up 3 times" in found["reason"]


def test_a_kill_during_the_trial_leaves_the_old_version(running_server: RunningServer) -> None:
    server = running_server
    publish(server, make_bundle(NEW, SILENT))
    with able_agent(server, NAGARE_AGENT__TRIAL_SECONDS="600") as agent:
        roll_out(server)
        wait_until(lambda: "update_on_trial" in agent.said(), "the trial", agent)
        agent.kill()
    with collecting(server.data, environment=child_environment(**QUICK)) as agent:
        wait_until(lambda: "uplink_up" in agent.said(), "the old version's batches", agent)
        assert "agent_becomes" not in agent.said()


def test_what_is_not_what_was_signed_is_refused_by_the_agent(running_server: RunningServer) -> None:
    server = running_server
    listed = publish(server, make_bundle(NEW))
    file = Places(server.data).updates / f"{listed['sha256']}.pyz"
    good = file.read_bytes()
    with able_agent(server) as agent:
        for spoiled, reason in (
            (good[:-1] + bytes([good[-1] ^ 1]), "wrong-hash"),
            (good + b"x", "wrong-length"),
            (good[:-5], "cut-download"),
        ):
            file.write_bytes(spoiled)
            made = roll_out(server)
            found = wait_until(lambda: (now := rollout(server))["state"] == "paused" and now, "the pause", agent)
            assert reason in found["reason"]
            server.request(f"/api/v1/updates/rollouts/{made}/abort", method="POST")
        file.write_bytes(good)
        roll_out(server)
        wait_until(lambda: rollout(server)["state"] == "done", "the end of the rollout", agent)


def test_a_host_that_may_not_is_not_updated_whatever_the_server_says(running_server: RunningServer) -> None:
    server = running_server
    publish(server, make_bundle(NEW))
    with able_agent(server) as agent:
        server.request("/api/v1/hosts/canary/accept", {"capabilities": []})
        with pytest.raises(urllib.error.HTTPError) as refused:
            roll_out(server)
        refused.value.close()
        assert "update_on_trial" not in agent.said()


def test_the_command_line_publishes_and_rolls_out(running_server: RunningServer, tmp_path: Path) -> None:
    from tests.system.test_joining import nagare

    server = running_server
    content = make_bundle(NEW)
    file = tmp_path / str(entry(content, NEW, platform.machine())["name"])
    file.write_bytes(content)
    with able_agent(server) as agent:
        nagare(server.data, "bundle", "publish", str(file))
        shown = json.loads(nagare(server.data, "bundle", "status", "-o", "json"))
        assert [bundle["version"] for bundle in shown["bundles"]] == [NEW]
        nagare(server.data, "bundle", "rollout", "start", NEW, "--canary", "canary", "--gate", "1s")
        wait_until(lambda: rollout(server)["state"] == "done", "the end of the rollout", agent)
        listed = json.loads(nagare(server.data, "bundle", "rollout", "status", "-o", "json"))
        assert listed[0]["state"] == "done"


def test_a_stop_during_the_trial_is_a_clean_one_and_proves_nothing(running_server: RunningServer) -> None:
    server = running_server
    publish(server, make_bundle(NEW, SILENT))
    with able_agent(server, NAGARE_AGENT__TRIAL_SECONDS="600") as agent:
        roll_out(server)
        wait_until(lambda: "update_on_trial" in agent.said(), "the trial", agent)
        assert agent.stop() == 0
    assert rollout(server)["state"] == "running"
    assert not (Places(server.data).agent_updates / "current.json").exists()


class Liar:
    """A server of which somebody else got hold: between its runs it has whatever documents they put there."""

    def __init__(self, data: Path, listed: dict[str, Any]) -> None:
        self.data = data
        self.publisher = Publisher(bundles=[Bundle(**listed)])
        self.now_ms = time.time_ns() // 1_000_000

    def root(self) -> str:
        return self.publisher.root(expires_ms=self.now_ms + 365 * DAY_MS)

    def lists(self, number: int, *keys: SigningKey, days: int = 90, fresh: int = 1, stamps: str = "") -> dict[str, str]:
        """Return a list and a timestamp, the one of ``stamps`` where it is given."""
        self.publisher.targets_version = self.publisher.timestamp_version = number
        targets = self.publisher.targets(*keys, expires_ms=self.now_ms + days * DAY_MS)
        timestamp = self.publisher.timestamp(stamps or targets, expires_ms=self.now_ms + fresh * DAY_MS)
        return {"targets": targets, "timestamp": timestamp}

    def put(self, roots: list[str], lists: dict[str, str]) -> None:
        rows = [("root", number, text, 1) for number, text in enumerate(roots, 1)]
        rows += [(role, 1, text, 1) for role, text in lists.items()]
        with closing(sqlite3.connect(self.data / "records.db")) as records, records:
            records.execute("DELETE FROM update_documents")
            records.executemany("INSERT INTO update_documents VALUES (?, ?, ?, ?)", rows)


LIES = ("rollback", "freeze", "mix-and-match", "unknown-key", "wrong-role", "too-few-signatures")


# Each lie takes a server and an agent of its own; that each is found out is tests/component/server/test_update_fetch's part.
@pytest.mark.parametrize(
    "told",
    [("rollback", "mix-and-match", "too-few-signatures"), pytest.param(LIES, marks=pytest.mark.soak)],
    ids=["a few", "all"],
)
def test_a_server_that_lies_is_refused_with_the_reason(tmp_path: Path, told: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        liar = Liar(data, publish(server, make_bundle(NEW, SILENT)))
    first = liar.root()
    good = liar.lists(5)
    liar.put([first], good)
    with serving(data) as server, able_agent(server, NAGARE_AGENT__TRIAL_SECONDS="1") as agent:
        roll_out(server)
        wait_until(lambda: rollout(server)["state"] == "paused", "a first try, after which the lists are known", agent)
        assert agent.stop() == 0
    old_key = liar.publisher.targets_keys[0]
    lies = [
        ("rollback", [first], liar.lists(4)),
        ("freeze", [first], liar.lists(6, fresh=0)),
        ("mix-and-match", [first], liar.lists(6, stamps=liar.lists(6, days=80)["targets"])),
        ("unknown-key", [first], liar.lists(6, SigningKey.generate())),
        ("wrong-role", [first], liar.lists(6, liar.publisher.timestamp_keys[0])),
    ]
    liar.publisher.targets_keys = [SigningKey.generate(), SigningKey.generate()]
    liar.publisher.root_keys = [*liar.publisher.root_keys, SigningKey.generate()]
    liar.publisher.root_version, liar.publisher.threshold = 2, 2
    second = liar.root()
    lies.append(("too-few-signatures", [first, second], liar.lists(6, liar.publisher.targets_keys[0])))
    lies.append(("unknown-key", [first, second], liar.lists(6, old_key)))
    assert {reason for reason, _, _ in lies} == set(LIES)
    for reason, roots, lists in [lie for lie in lies if lie[0] in told]:
        liar.put(roots, lists)
        with serving(data) as server, collecting(data, environment=child_environment(**QUICK)) as agent:
            server.request(f"/api/v1/updates/rollouts/{rollout(server)['id']}/resume", method="POST")
            found = wait_until(lambda: (now := rollout(server))["state"] == "paused" and now, "the pause", agent)
            assert f"({reason})" in found["reason"]
            assert "update_on_trial" not in agent.said()
            assert agent.stop() == 0
