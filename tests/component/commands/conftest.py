"""A real server, users of it, and what tests ask of its commands."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from nagare.wire.codec import decode_any
from tests.component.server.conftest import Api, api, serve  # noqa: F401  fixtures

PASSWORD = "correct horse battery"
JOBS = "/api/v1/commands"


class Asker:
    """Asks a server for commands."""

    def __init__(self, api: Api) -> None:  # noqa: F811
        self.api = api

    async def login(self, name: str, role: str = "operator", groups: list[str] | None = None) -> str:
        """Return the token of a new user."""
        grants = [{"role": role, "groups": groups}]
        answer = await self.api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
        assert answer.status == 200, answer.raw
        login = {"user": name, "password": PASSWORD}
        answer = await self.api.call("POST", "/api/v1/auth/login", login, token=None)
        assert answer.status == 200, answer.raw
        return str(answer.json["access_token"])

    async def ask(self, action: str, *hosts: str, token: str = "", **more: Any) -> Any:
        """Return what the server answers to a request, which it takes."""
        answer = await self.try_to_ask(action, *hosts, token=token, **more)
        assert answer.status == 200, answer.raw
        return answer.json

    async def try_to_ask(self, action: str, *hosts: str, token: str = "", **more: Any) -> Any:
        """Return the answer to a request."""
        targets = more.pop("targets", {"hosts": list(hosts)})
        return await self.api.call("POST", JOBS, {"action": action, "targets": targets, **more}, token=token)

    async def told(self, count: int = 1, columns: str = "kind") -> list[list[Any]]:
        """Return the events of commands, by kind, once there are ``count``: they are told after all else is on record."""
        statement = f"SELECT {columns} FROM events WHERE source = 'commands' ORDER BY kind"
        async with asyncio.timeout(60):
            while len(rows := await self.api.sql(statement)) < count:
                pass
        return list(rows)

    async def get(self, job_id: str, token: str = "") -> Any:
        """Return a job as it is."""
        answer = await self.api.call("GET", f"{JOBS}/{job_id}", token=token)
        assert answer.status == 200, answer.raw
        return answer.json

    async def act(self, verb: str, job_id: str, value: Mapping[str, Any] | None = None, token: str = "") -> Any:
        """Return the answer to approve, reject or cancel."""
        return await self.api.call("POST", f"{JOBS}/{job_id}/{verb}", value, token=token)

    async def until(self, job_id: str, **counts: int) -> Any:
        """Return a job as soon as its commands are in those states."""
        async with asyncio.timeout(60), self.follow(job_id) as response:
            async for _ in response.content:
                job = await self.get(job_id)
                if job["counts"] == counts:
                    return job
        job = await self.get(job_id)
        assert job["counts"] == counts, job
        return job

    def follow(self, job_id: str, after: int = 0, token: str = "") -> Any:
        """Open the stream of a job."""
        headers = {"Authorization": f"Bearer {token or self.api.admin}"}
        url = f"{self.api.running.url}{JOBS}/{job_id}/follow?after={after}"
        return self.api.session.get(url, headers=headers)

    async def lines(self, job_id: str, after: int = 0) -> list[dict[str, Any]]:
        """Return all lines of a job, until it has ended."""
        async with asyncio.timeout(60), self.follow(job_id, after) as response:
            assert response.headers["Content-Type"] == "application/x-ndjson"
            return [decode_any(line) async for line in response.content]


@pytest.fixture
def asker(api: Api) -> Asker:  # noqa: F811
    """Who asks the running server."""
    return Asker(api)
