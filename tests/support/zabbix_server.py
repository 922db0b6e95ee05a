"""As much of Zabbix's JSON-RPC as we speak, on loopback: it checks what is asked as the real one does, and counts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "t0ken-of-the-interface"


@dataclass
class Problem:
    """An open problem of a trigger, and what people wrote to it."""

    name: str = "Disk is full"
    severity: int = 4
    clock: int = 1_760_000_000
    host: str = "web1"
    is_acknowledged: bool = False
    is_closed: bool = False
    may_be_closed: bool = True
    # Of a host that the token's user does not see any more.
    is_hidden: bool = False
    messages: list[str] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)


class RefusedError(Exception):
    """A fault in the words of the interface."""

    def __init__(self, code: int, data: str) -> None:
        super().__init__(data)
        self.told = {"code": code, "message": "Invalid params.", "data": data}


class ZabbixServer:
    """The interface. ``before`` and ``after`` are awaited around each write, as a test wants it held or broken there."""

    def __init__(self, version: str = "7.0.3") -> None:
        self.version = version
        self.token = TOKEN
        self.problems: dict[str, Problem] = {}
        self.hosts: set[str] = set()
        self.calls: list[str] = []
        self.is_down = False
        self.fault: Callable[[str, Any], None] = lambda _method, _params: None
        self.before: Callable[[], Any] = _nothing
        self.after: Callable[[], Any] = _nothing
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one call."""
        if self.is_down:
            return web.Response(status=502, text="<html>bad gateway</html>")
        call = await request.json()
        self.calls.append(call["method"])
        try:
            self._check_token(request, call)
            self.fault(call["method"], call["params"])
            result = await getattr(self, call["method"].replace(".", "_"))(call["params"])
        except RefusedError as refusal:
            return web.json_response({"jsonrpc": "2.0", "error": refusal.told, "id": call["id"]})
        return web.json_response({"jsonrpc": "2.0", "result": result, "id": call["id"]})

    def _check_token(self, request: web.Request, call: dict[str, Any]) -> None:
        number = tuple(map(int, self.version.split(".")[:2]))
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") if number >= (6, 4) else ""
        if call["method"] == "apiinfo.version":
            if "auth" in call or shown:
                raise RefusedError(-32602, 'The "apiinfo.version" method must be called without the "auth" parameter.')
            return
        if "auth" in call and number >= (7, 2):
            raise RefusedError(-32600, 'Invalid parameter "/": unexpected parameter "auth".')
        if (shown or call.get("auth", "")) != self.token:
            raise RefusedError(-32602, "Not authorized.")

    async def apiinfo_version(self, _params: Any) -> str:
        """Tell the version."""
        return self.version

    async def event_acknowledge(self, params: dict[str, Any]) -> dict[str, Any]:
        """Do what the bits say to each event; what is so already is left."""
        await self.before()
        action = params["action"]
        assert not action & ~(1 | 2 | 4 | 16), action
        for event in params["eventids"]:
            problem = self.problems.get(event)
            if problem is None:
                raise RefusedError(-32500, "No permissions to referred object or it does not exist!")
            if action & 1 and not problem.is_closed and not problem.may_be_closed:
                raise RefusedError(-32602, "Cannot close problem: trigger does not allow manual closing.")
            problem.is_closed |= bool(action & 1)
            if action & (2 | 16):
                problem.is_acknowledged = bool(action & 2)
            if action & 4:
                assert 0 < len(params["message"]) <= 2048
                problem.messages.append(params["message"])
        await self.after()
        return {"eventids": params["eventids"]}

    async def event_get(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return events with their messages, by the name of the parameter that this version knows."""
        is_camel = tuple(map(int, self.version.split(".")[:2])) >= (7, 0)
        key = "selectAcknowledges" if is_camel else "select_acknowledges"
        if unknown := params.keys() - {"eventids", "output", key}:
            raise RefusedError(-32602, f'Invalid parameter "/": unexpected parameter "{min(unknown)}".')
        found = [(event, self.problems[event]) for event in params["eventids"] if event in self.problems]
        return [
            {
                "eventid": event,
                "r_eventid": "99999" if one.is_closed else "0",
                "acknowledges": [{"message": text} for text in one.messages],
            }
            for event, one in found
            if not one.is_hidden
        ]

    async def problem_get(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return open problems, oldest first, from an id on, ``limit`` at the most."""
        first, limit = int(params.get("eventid_from", 0)), int(params["limit"])
        found = [
            (int(event), one)
            for event, one in self.problems.items()
            if not (one.is_closed or one.is_hidden) and int(event) >= first
        ]
        return [
            {
                "eventid": str(event), "objectid": str(event + 1000), "name": one.name, "severity": str(one.severity),
                "clock": str(one.clock), "acknowledged": str(int(one.is_acknowledged)), "opdata": "", "tags": one.tags,
            }
            for event, one in sorted(found, key=lambda pair: pair[0])[:limit]
        ]  # fmt: skip

    async def trigger_get(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return triggers with their hosts."""
        hosts = {str(int(event) + 1000): one.host for event, one in self.problems.items()}
        return [{"triggerid": one, "hosts": [{"host": hosts[one]}]} for one in params["triggerids"] if one in hosts]

    async def host_get(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the hosts."""
        names = sorted({one.host for one in self.problems.values() if not one.is_hidden} | self.hosts)
        return [{"hostid": str(10_000 + place), "host": name} for place, name in enumerate(names)][: params["limit"]]


async def _nothing() -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def zabbix_server(version: str = "7.0.3") -> AsyncIterator[ZabbixServer]:
    """Run one."""
    found = ZabbixServer(version)
    app = web.Application()
    app.router.add_post("/zabbix/api_jsonrpc.php", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://127.0.0.1:{port}/zabbix/api_jsonrpc.php"
    try:
        yield found
    finally:
        await runner.cleanup()
