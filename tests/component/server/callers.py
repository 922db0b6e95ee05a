"""One of each caller of docs/reference/access.md at a running server."""

import asyncio
from typing import Any

import aiohttp

from nagare.model.principal import ADMIN_PERMISSIONS, Permission
from nagare.server.route import Route
from tests.component.server.conftest import Api
from tools.docs_access import OWN_ROLE

PASSWORD = "correct horse battery"
# A name that nobody has: who may change it is told that there is none, and nothing of this test's own is changed.
ABSENT = {
    "name": "nothing-here",
    "host": "nothing-here",
    "role": "viewer",
    "id": "x",
    "arch": "z80",
    "token": "x",
    "file": "ui.css",
}


class Everyone:
    """One of each caller at a server: ``tokens`` has what they show."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.tokens: dict[str, str | None] = {"nobody": None, "local": api.admin}

    async def arrive(self) -> None:
        api = self.api
        for caller, host, group in (("host", "web1", "web"), ("other host", "web2", "web"), ("", "db1", "db")):
            self.tokens[caller] = await api.register(host, machine_id=host, labels={"group": group})
        await self._post("PUT", f"/api/v1/roles/{OWN_ROLE.name}", {"permissions": sorted(OWN_ROLE.permissions)})
        for role in ("viewer", "operator", "admin", OWN_ROLE.name):
            self.tokens[role] = await self._login(role, {"role": role})
        self.tokens["group"] = await self._login("group", {"role": "operator", "groups": ["db"]})
        permissions = sorted(ADMIN_PERMISSIONS - {Permission.ACCOUNT_WRITE})
        asked = {"name": "all", "permissions": permissions, "expires_seconds": 600}
        self.tokens["key"] = (await self._post("POST", "/api/v1/keys", asked, self.tokens["admin"]))["secret"]
        self.tokens["joining"] = (await self._post("POST", "/api/v1/join-tokens", {}))["token"].partition(".")[0]

    async def ask(self, route: Route, caller: str, **names: str) -> int:
        """Return the status of the answer; {name} is what ``names`` says or absent."""
        path = route.path
        for name, value in {**ABSENT, **names}.items():
            path = path.replace(f"{{{name}}}", value)
        answer = await self.api.call(route.method, path, self._body(route), token=self.tokens[caller])
        return answer.status

    async def greet(self, path: str, caller: str, ticket: str | None = None) -> Any:
        """Open a live connection and return its first frame, or why it was closed."""
        token = self.tokens[caller]
        headers = {} if token is None or ticket is not None else {"Authorization": f"Bearer {token}"}
        async with self.api.session.ws_connect(self.api.running.url + path, headers=headers) as socket:
            if ticket is not None:
                await socket.send_json({"op": "authenticate", "ticket": ticket})
            async with asyncio.timeout(10):
                message = await socket.receive()
            return message.json() if message.type is aiohttp.WSMsgType.TEXT else message.data

    def _body(self, route: Route) -> Any:
        bodies = {
            "POST /api/v1/metrics/batch": self.api.batch(),
            "POST /api/v1/events": {"text": "note", "host": "web1"},
            "PATCH /api/v1/hosts/{name}": {"labels": {"group": "db"}},
            "POST /api/v1/hosts/{name}/notes": {"text": "new disks"},
        }
        return bodies.get(f"{route.method} {route.path}")

    async def _post(self, method: str, path: str, value: Any, token: str | None = "") -> Any:
        answer = await self.api.call(method, path, value, token=token)
        assert answer.status == 200, answer.raw
        return answer.json

    async def _login(self, name: str, grant: dict[str, Any]) -> str:
        await self._post("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": [grant]})
        login = {"user": name, "password": PASSWORD}
        return str((await self._post("POST", "/api/v1/auth/login", login, None))["access_token"])
