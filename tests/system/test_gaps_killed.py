"""A server that dies right after it answered: what the agent told of its losses is known to the next one."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.processes import RunningServer, serving, wait_until

_STEP_MS = 5_000


def _send(server: RunningServer, token: str, batch: dict[str, Any]) -> None:
    request = urllib.request.Request(
        server.url + "/api/v1/metrics/batch",
        data=json.dumps({"v": 1, "host": "web1", **batch}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def _own(at_ms: int, boot: str, seq: int, waiting: int) -> dict[str, Any]:
    agent = {"ts": [at_ms], "collector": ["agent"], "spool_batches": [waiting]}
    return {"boot": boot, "seq": seq, "tables": {"agent": agent}}


def test_what_agents_told_of_losses_and_thinned_time_outlives_a_kill_of_the_server(tmp_path: Path) -> None:
    data, start_ms = tmp_path / "data", time.time_ns() // 1_000_000 - 3_600_000

    def at(step: int) -> int:
        return start_ms + step * _STEP_MS

    with serving(data) as server:
        token = server.register("web1")
        _send(server, token, _own(at(1), "boot-1", 1, 0))
        # The agent was started anew, so its numbers do not say that some of the first were given up.
        _send(server, token, _own(at(40), "boot-2", 1, 9))
        told = {"reason": "full", "batches": "19", "from_ms": str(at(2)), "until_ms": str(at(20))}
        event = {"ts": [at(40)], "id": ["e1"], "kind": ["agent.batches_dropped"], "attributes": [told]}
        _send(server, token, {"boot": "told", "seq": 1, "tables": {"events": event}})
        server.process.kill()
    with serving(data) as server:
        _send(server, token, _own(at(21), "boot-1", 21, 1))
        thinned = {"replaces": [*range(22, 39)], "thinned": [at(22), at(39)]}
        _send(server, token, {"boot": "boot-1", "seq": 2**40 + 38, "tables": {}, **thinned})
        server.process.kill()
    with serving(data) as server:
        for step, boot, seq in ((39, "boot-1", 39), (41, "boot-2", 2)):
            _send(server, token, _own(at(step), boot, seq, 0))
        expected = [["dropped", 1, 21], ["thinned", 21, 40]]
        # What samples say is looked at beside the way of the batches.
        wait_until(lambda: _settled(server, start_ms) == expected, f"the gaps {expected}", server.process)


def _settled(server: RunningServer, start_ms: int) -> list[list[Any]]:
    rows = server.sql("select kind, epoch_ms(ts), until_ms from gaps where until_ms is not null order by ts")
    return [[kind, (low - start_ms) // _STEP_MS, (high - start_ms) // _STEP_MS] for kind, low, high in rows]
