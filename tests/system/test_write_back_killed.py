"""kill -9 of a server while it writes to Zabbix what people did: each thing comes there once."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.component.server.loop_thread import LoopThread
from tests.support.processes import child_environment, serving, wait_until
from tests.support.zabbix_server import TOKEN, Problem, ZabbixServer, zabbix_server

_COUNT = 30


class Far:
    """A Zabbix on a loop of its own, which takes a moment before and after each write."""

    def __init__(self) -> None:
        self._thread, self._stack = LoopThread(), AsyncExitStack()
        entering = self._stack.enter_async_context(zabbix_server())
        self.server: ZabbixServer = asyncio.run_coroutine_threadsafe(entering, self._thread.loop).result(30)
        self.server.before = self.server.after = _moment
        self.server.problems = {str(event): Problem() for event in range(_COUNT)}

    def written(self) -> int:
        """Return how many messages there are."""
        return sum(len(problem.messages) for problem in self.server.problems.values())

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._thread.loop).result(30)
        self._thread.close()


async def _moment() -> None:
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_kills_lose_nothing_that_was_done_and_double_nothing(tmp_path: Path, kills: int) -> None:
    chance, far, data = random.Random(20261126), Far(), tmp_path / "data"
    (rules := tmp_path / "rules").mkdir()
    (tmp_path / "token").write_text(TOKEN)
    (rules / "z.toml").write_text(
        f'[[zabbix]]\nname = "z"\nurl = "{far.server.url}"\nsecret_file = "{tmp_path / "token"}"\nwrites_back = true\nevery = "0s"\n'
    )
    environment = child_environment(NAGARE_ALERTS__RULES=str(rules), NAGARE_ALERTS__SHIPPED="false")
    # A process that is killed tells coverage nothing.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        with serving(data, environment=environment) as server:
            for event in range(_COUNT):
                told = {"event_id": str(event), "event_name": f"Full {event}", "event_value": "1"}
                server.request("/api/v1/webhooks/zabbix", told)
            found = server.request("/api/v1/alerts?limit=500")["alerts"]
            for alert in found:
                server.request(f"/api/v1/alerts/{alert['id']}/ack", {"text": "mine"})
            server.process.kill()
        for _ in range(kills - 1):
            enough = min(far.written() + chance.randrange(2, 6), _COUNT)
            with serving(data, environment=environment) as server:
                wait_until(lambda enough=enough: far.written() >= enough, "writes", server.process)
                server.process.kill()
        with serving(data, environment=environment) as server:
            wait_until(lambda: far.written() >= _COUNT, "every write", server.process)
            left = "SELECT count(*) FROM events WHERE kind = 'alert.not_written_back'"
            assert server.sql(left) == [[0]]
        problems = far.server.problems.values()
        assert [len(problem.messages) for problem in problems] == [1] * _COUNT
        assert all(problem.is_acknowledged for problem in problems)
    finally:
        far.close()
