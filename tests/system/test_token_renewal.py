"""A host's token is renewed over and over while agent and server are killed: it always has one that works, and no other does."""

import json
import random
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from nagare.config.places import Places
from tests.support.processes import RunningServer, child_environment, collecting, serving, wait_until

ROUNDS = 4
FAST = {"NAGARE_AGENT__NAME": "web1", "NAGARE_AGENT__INTERVAL_SECONDS": "0.2"}


def _identity(data: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((Places(data).spool / "identity.json").read_bytes())
    except FileNotFoundError:
        return {"token": "", "previous": ""}
    return found


def _status(server: RunningServer, token: str) -> int:
    request = urllib.request.Request(server.url + "/api/v1/standing", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _rows(server: RunningServer) -> int:
    return int(server.sql("SELECT count(*) FROM cpu")[0][0])


def _renew_and_kill(data: Path, chance: random.Random) -> str:
    """Kill agent and server somewhere in a renewal, in either order; return the token from before it."""
    with serving(data) as server:
        with collecting(data, environment=child_environment(**FAST)) as agent:
            before = _rows(server)
            wait_until(lambda: _rows(server) > before, "rows", agent)
            old = str(_identity(data)["token"])
            assert server.request("/api/v1/hosts/rotate", method="POST") == {"hosts": 1}
            # Told at its next connection: this one is ended.
            agent.kill()
        with collecting(data, environment=child_environment(**FAST)) as again:
            if chance.random() < 0.7:
                wait_until(lambda: _identity(data)["token"] != old, "a new token", again)
            victims = [server.process, again]
            chance.shuffle(victims)
            for victim in victims:
                victim.kill()
    return old


def test_a_host_has_a_token_that_works_whoever_is_killed(tmp_path: Path) -> None:
    data, chance, seen = tmp_path / "data", random.Random(7), list[str]()
    for _ in range(ROUNDS):
        seen.append(_renew_and_kill(data, chance))
    with serving(data) as server, collecting(data, environment=child_environment(**FAST)) as agent:
        before = _rows(server)
        wait_until(lambda: _rows(server) > before, "rows at last", agent)
        wait_until(lambda: not _identity(data)["previous"], "a settled token", agent)
        last = _identity(data)["token"]
        assert _status(server, last) == 200
        ended = set(seen) - {last}
        assert len(ended) >= ROUNDS // 2
        assert {_status(server, token) for token in ended} == {401}
        # Registered once: every token after the first came by renewal.
        entries = server.request("/api/v1/audit?limit=1000")["entries"]
        assert sum(entry["action"] == "hosts.register" for entry in entries) == 1
        assert sum(entry["action"] == "hosts.renew_token" for entry in entries) >= len(ended)
    assert (Places(data).spool / "identity.json").stat().st_mode & 0o777 == 0o600
