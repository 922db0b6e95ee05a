"""kill -9 of a real server between the states of a command, with a real executor at its other end: nothing runs twice."""

import asyncio
from contextlib import ExitStack, suppress
from pathlib import Path

import aiohttp

from nagare.wire.commands import Dispatch, FromAgent, ToAgent
from tests.support.executor_host import ExecutorHost, followed, post
from tests.support.processes import RunningServer, child_environment, serving

# After the answer to who asked, and after each frame on its way.
MOMENTS = ("asked", "Dispatch", "Receipt", "Started", "CommandEnded", "ResultAck")


class Doomed:
    """Servers over one directory, one after the other."""

    def __init__(self, data: Path, actions: Path) -> None:
        self._data = data
        self._environment = child_environment(NAGARE_COMMANDS__ACTIONS=str(actions))
        self._environment.pop("COVERAGE_PROCESS_CONFIG", None)
        self._stack = ExitStack()
        self.server: RunningServer | None = None

    def start(self) -> RunningServer:
        """Start the next one."""
        self.server = self._stack.enter_context(serving(self._data, environment=self._environment))
        return self.server

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.server is not None
        self.server.process.popen.kill()

    def close(self) -> None:
        """End all."""
        self._stack.close()


async def test_a_server_that_is_killed_between_states(tmp_path: Path) -> None:
    host = ExecutorHost(tmp_path / "host")
    marks = tmp_path / "marks"
    marks.mkdir()
    host.box.script("site.mark", f"echo x >> {marks}/ran; sleep 0.2", writable=f'["{marks}"]')
    doomed = Doomed(tmp_path / "data", host.box.actions)
    try:
        server = await asyncio.to_thread(doomed.start)
        async with aiohttp.ClientSession() as session, host.running() as executor:
            await host.register(session, server.url, server.token)
            # Results of earlier ones may come again first.
            seen: set[str] = set()
            for count, moment in enumerate(MOMENTS, 1):
                job_id, strike = "", _Strike(moment, doomed, seen)

                with suppress(*_BROKEN):
                    async with host.linked(session, server.url, executor, strike) as reading:
                        asked = {"action": "site.mark", "targets": {"hosts": ["web1"]}}
                        job_id = (await post(session, server.url, "/api/v1/commands", server.token, asked))["id"]
                        if moment == "asked":
                            doomed.kill()
                        await reading
                await asyncio.to_thread(server.process.popen.wait, 60)
                server = await asyncio.to_thread(doomed.start)
                job_id = job_id or await _newest(session, server)
                async with host.linked(session, server.url, executor):
                    lines = await followed(session, server.url, server.token, job_id)
                seen |= {line["command"]["id"] for line in lines if line["op"] == "state"}
                states = [line["command"]["state"] for line in lines if line["op"] == "state"]
                assert (lines[-1]["state"], states[-1]) == ("done", "done"), moment
                assert (marks / "ran").read_text() == "x\n" * count, moment
    finally:
        doomed.close()


class _Strike:
    """Kills the server at the first frame of a kind that is about a new command."""

    def __init__(self, moment: str, doomed: Doomed, seen: set[str]) -> None:
        self._moment = moment
        self._doomed = doomed
        self._seen = frozenset(seen)

    def __call__(self, frame: FromAgent | ToAgent) -> None:
        is_new = isinstance(frame, Dispatch) or getattr(frame, "id", "") not in self._seen
        if type(frame).__name__ == self._moment and is_new:
            self._doomed.kill()


async def _newest(session: aiohttp.ClientSession, server: RunningServer) -> str:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with session.get(f"{server.url}/api/v1/commands", headers=headers) as answer:
        return str((await answer.json())["jobs"][0]["id"])


# However a connection ends whose other end was killed.
_BROKEN = (aiohttp.ClientError, ConnectionError, BaseExceptionGroup)
