"""kill -9 of a server that tells people, at random moments: a webhook hears of every alert and of its end, and knows repeats."""

import json
import random
import time
from collections import defaultdict
from pathlib import Path

from tests.support.hook import Hook, listening
from tests.support.processes import RunningServer, child_environment, serving, wait_until

_COUNT, _ROUNDS = 24, 3
ROUTES = """
[route]
receiver = "ops"
group_by = ["alertname"]
group_wait = "0s"
group_interval = "1s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "webhook"
url = "URL"
per_minute = 600
"""


def _send(server: RunningServer, names: list[str], *, is_over: bool = False) -> None:
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    ends = {"endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if is_over else {}
    server.request("/api/v2/alerts", [{"labels": {"alertname": name}, "startsAt": began, **ends} for name in names])


def test_kills_lose_no_message_and_a_repeat_is_known(tmp_path: Path) -> None:
    chance, hook, data = random.Random(20261126), Hook(busy_every=3), tmp_path / "data"
    names = [f"Far{number}" for number in range(_COUNT)]
    with listening(hook) as url:
        (tmp_path / "notify.toml").write_text(ROUTES.replace("URL", url))
        environment = child_environment(
            NAGARE_ALERTS__NOTIFY_FILE=str(tmp_path / "notify.toml"), NAGARE_ALERTS__SHIPPED="false"
        )
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
        for place in range(_ROUNDS):
            with serving(data, environment=environment) as server:
                piece = names[place * _COUNT // _ROUNDS : (place + 1) * _COUNT // _ROUNDS]
                _send(server, piece)
                enough = len(hook.heard) + chance.randrange(1, len(piece))
                wait_until(lambda enough=enough: len(hook.heard) >= enough, "messages", server.process)
                server.process.kill()
        with serving(data, environment=environment) as server:
            wait_until(lambda: hook.told("firing") == set(names), "every alert", server.process)
            _send(server, names, is_over=True)
            wait_until(lambda: len(hook.told("resolved")) > _COUNT // 3, "some ends", server.process)
            server.process.kill()
        with serving(data, environment=environment) as server:
            wait_until(lambda: hook.told("resolved") == set(names), "every end", server.process)
            _agrees(server, hook)


def _agrees(server: RunningServer, hook: Hook) -> None:
    """Check that the records say what the webhook heard, and that nothing was said under two ids."""
    quiet = "SELECT count(*) FROM notifications WHERE state <> 'sent'"
    wait_until(lambda: server.sql(quiet) == [[0]], "an empty outbox", server.process)
    kept = {str(row[0]) for row in server.sql("SELECT id FROM notifications")}
    assert {key for _, key, _ in hook.heard} == kept
    assert len(kept) == 2 * _COUNT
    said: defaultdict[str, set[str]] = defaultdict(set)
    for _, key, body in hook.heard:
        said[key].add(json.dumps(body, sort_keys=True))
    assert {len(bodies) for bodies in said.values()} == {1}
    assert server.sql("SELECT count(*) FROM incidents WHERE ended_ms IS NULL") == [[0]]
