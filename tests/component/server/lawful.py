"""What is sound to ask of each route: what it is about is made first, and the body is one that the route takes."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import structs
from sqlalchemy import insert

from nagare.alerting.notify.fanout import delivery_to
from nagare.alerting.notify.rows import incident_values
from nagare.alerting.notify.schema import incidents
from nagare.alerting.notify.store import Bounds
from nagare.bundles.contents import own_arch
from nagare.diagnosis.models.exchange import Exchange
from nagare.diagnosis.store import Kept
from nagare.interop.remote_write.packing import pack_snappy
from nagare.keys.signing import SigningKey
from nagare.model.notify.heartbeat import Heartbeat
from nagare.model.notify.incident import FIRING, Incident
from nagare.model.notify.notice import DeliveryState
from nagare.model.updates import bundle_name
from tests.component.server.callers import PASSWORD, Everyone
from tests.support.notify_room import channel, notice

USERS = frozenset({"viewer", "operator", "admin", "auditor", "group"})
_JSON, _TEXT, _PROTOBUF, _BYTES = "application/json", "text/plain", "application/x-protobuf", "application/octet-stream"
_CONTENT, _VERSION = b"a bundle", "0.2.0"
_DIGEST = hashlib.sha256(_CONTENT).hexdigest()


_RULE = {"sql": "SELECT host, max(busy_ratio) AS value FROM cpu GROUP BY host", "severity": "info"}
_SCHEDULE = {"cron": "@daily", "kind": "verify"}


@dataclass(frozen=True)
class Asked:
    """A sound request: what stands in its path, and its body with the type; None is no body."""

    names: dict[str, str] = field(default_factory=dict)
    body: Any = None
    media: str = _JSON


class Lawful:
    """Makes sound requests for one caller."""

    def __init__(self, everyone: Everyone, caller: str) -> None:
        self._everyone = everyone
        self._api = everyone.api
        self._caller = caller
        # Users ask about themselves, others about somebody.
        self._user = caller if caller in USERS else "viewer"
        self._count = 0
        self._diagnosed: Kept | None = None
        self._makers = (
            self._of_hosts()
            | self._of_senders()
            | self._of_people()
            | self._of_updates()
            | self._of_commands()
            | self._of_tasks()
            | self._of_alerts()
            | self._of_shells()
            | self._of_knowledge()
        )

    async def arrive(self) -> None:
        """Publish a bundle, and let a host be updated with it; wait for a heartbeat."""
        self._api.services.alerts.heartbeats.defined = lambda: {"backup": Heartbeat("backup", 60.0, 60.0)}
        path = f"/api/v1/updates/files/{_DIGEST}"
        await self._api.call("PUT", path, body=_CONTENT, headers={"Content-Type": _BYTES})
        await self._do("POST", "/api/v1/updates", self._publication())
        await self._api.register("able", machine_id="able")
        await self._do("POST", "/api/v1/hosts/able/accept", {"capabilities": ["update"]})
        key = SigningKey.generate().public_key
        await self._api.register("runs", machine_id="runs", public_key=key, labels={"group": "db"})
        await self._do("POST", "/api/v1/hosts/runs/accept", {"capabilities": ["commands"]})

    async def ask(self, name: str) -> Asked:
        """Return a sound request of the route ``METHOD PATH``, about something of its own."""
        self._count += 1
        maker = self._makers.get(name)
        return Asked() if maker is None else await maker()

    def _of_hosts(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        one = "/api/v1/hosts/{name}"
        window = {"why": "new disks", "hosts": ["web1"], "until_ms": self._api.now_ms() + 3_600_000}
        machine = {"machine_id": "x", "version": "1"}
        return {
            "POST /api/v1/hosts/register": lambda: self._plain({"name": self._new("h"), **machine}),
            f"GET {one}": self._host,
            f"PATCH {one}": lambda: self._host({"labels": {"group": "db"}}),
            f"DELETE {one}": self._host,
            f"POST {one}/accept": lambda: self._host({}),
            f"POST {one}/revoke": self._host,
            f"POST {one}/rotate": self._host,
            f"GET {one}/gaps": self._host,
            f"GET {one}/notes": self._host,
            f"POST {one}/notes": lambda: self._host({"text": "new disks"}),
            f"DELETE {one}/notes/{{id}}": self._note,
            "POST /api/v1/maintenance": lambda: self._plain(window),
            "DELETE /api/v1/maintenance/{id}": lambda: self._made("/api/v1/maintenance", window),
            "POST /api/v1/join-tokens": lambda: self._plain({}),
            "DELETE /api/v1/join-tokens/{id}": lambda: self._made("/api/v1/join-tokens", {}),
            "POST /api/v1/sql": lambda: self._plain({"sql": "select 1"}),
        }

    def _of_knowledge(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        all_, one = "/api/v1/kb", "/api/v1/kb/{name}"
        return {
            f"POST {all_}": lambda: self._plain(self._pages(self._new("pages"))),
            f"POST {all_}/search": lambda: self._plain({"text": "disk full"}),
            f"POST {one}/sync": self._source,
            f"DELETE {one}": self._source,
        }

    def _pages(self, name: str) -> dict[str, str]:
        # Two sources of one directory are refused.
        directory = Path(self._api.services.settings.kb.directories[0]) / name
        directory.mkdir()
        return {"directory": str(directory), "name": name}

    async def _source(self) -> Asked:
        name = self._new("source")
        await self._do("POST", "/api/v1/kb", self._pages(name))
        return Asked({"name": name})

    def _of_senders(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        host = "web1" if self._caller == "host" else "web2"
        line = f"cpu,host={host} v=1\n".encode()
        return {
            "POST /api/v1/metrics/batch": lambda: self._plain(self._api.batch(seq=self._count)),
            "POST /api/v1/write": lambda: self._plain(pack_snappy(b""), _PROTOBUF),
            "POST /api/v1/otlp/v1/metrics": lambda: self._plain(b"", _PROTOBUF),
            "POST /api/v1/import/prometheus": lambda: self._plain(b"up 1\n", _TEXT),
            "POST /write": lambda: self._plain(line, _TEXT),
            "POST /api/v2/write": lambda: self._plain(line, _TEXT),
            "POST /api/v1/events": lambda: self._plain(
                {"text": "note", "host": "db1" if self._caller == "group" else "web1"}
            ),
            "POST /api/v1/agent/update": lambda: self._plain({"version": "0.1.0", "arch": "x86_64"}),
            "PUT /api/v1/standing": lambda: self._plain({"version": "0.1.0"}),
            "POST /api/v1/standing/token": lambda: self._plain({"token_sha256": "0" * 64}),
        }

    def _of_people(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        one, auth = "/api/v1/users/{name}", "/api/v1/auth"
        permissions = ["audit.read"] if self._user == "auditor" else ["metrics.read"]
        return {
            f"POST {auth}/login": lambda: self._plain({"user": self._user, "password": PASSWORD}),
            f"POST {auth}/refresh": self._refresh_token,
            f"POST {auth}/logout": self._refresh_token,
            f"PUT {auth}/password": lambda: self._plain({"password": PASSWORD, "current": PASSWORD}),
            f"POST {auth}/oidc/device": lambda: self._plain({}),
            f"POST {auth}/oidc/device/poll": lambda: self._plain({"handle": "x"}),
            "POST /api/v1/users": lambda: self._plain({"name": self._new("u")}),
            f"GET {one}": self._spare,
            f"PATCH {one}": lambda: self._spare({}),
            f"DELETE {one}": self._spare,
            f"PUT {one}/password": lambda: self._spare({"password": PASSWORD}),
            f"PUT {one}/identity": lambda: self._spare(
                {"issuer": "https://id.example.test", "subject": self._new("s")}
            ),
            f"DELETE {one}/identity": self._linked,
            f"PUT {one}/roles/{{role}}": lambda: self._spare({}),
            f"DELETE {one}/roles/{{role}}": self._spare,
            f"DELETE {one}/sessions": self._spare,
            "PUT /api/v1/roles/{name}": lambda: self._role({"permissions": ["metrics.read"]}),
            "DELETE /api/v1/roles/{name}": self._role,
            "DELETE /api/v1/sessions/{id}": self._session,
            "POST /api/v1/keys": lambda: self._plain(self._key(permissions)),
            "DELETE /api/v1/keys/{id}": lambda: self._made(
                "/api/v1/keys", self._key(permissions), self._everyone.tokens[self._user]
            ),
        }

    def _of_updates(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        path = "/api/v1/updates"
        file = {"id": _DIGEST}
        return {
            "GET /api/v1/agent/update/{id}": lambda: self._about(file),
            "GET /ui/static/{file}": lambda: self._about({"file": "ui.css"}),
            "GET /api/v1/agent/bundle/{arch}": lambda: self._about({"arch": own_arch()}),
            f"PUT {path}/files/{{id}}": lambda: self._about(file, _CONTENT, _BYTES),
            f"POST {path}": lambda: self._plain(self._publication()),
            f"POST {path}/rollouts": self._start,
            f"POST {path}/rollouts/{{id}}/pause": self._rollout,
            f"POST {path}/rollouts/{{id}}/resume": self._rollout,
            f"POST {path}/rollouts/{{id}}/abort": self._rollout,
        }

    def _of_commands(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        path = "/api/v1/commands"
        one = f"{path}/{{id}}"
        return {
            f"POST {path}": lambda: self._plain(self._command("host.uptime")),
            f"GET {one}": self._job,
            # One that is over: what goes on is followed for as long as it does.
            f"GET {one}/follow": lambda: self._job(is_over=True),
            f"POST {one}/approve": self._approval,
            f"POST {one}/reject": lambda: self._job("host.reboot", {}),
            f"POST {one}/cancel": self._job,
            f"POST {path}/signing-keys/rotate": self._rotation,
        }

    def _of_tasks(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        tasks, one = "/api/v1/tasks", "/api/v1/schedules/{name}"
        there = [
            f"GET {tasks}/{{id}}",
            f"GET {tasks}/{{id}}/follow",
            f"GET {tasks}/{{id}}/file",
            f"POST {tasks}/{{id}}/cancel",
        ]
        return {
            # No worker runs here (test_tasks).
            **dict.fromkeys(there, lambda: self._about({"id": "0" * 32})),
            f"POST {tasks}": lambda: self._plain({"kind": "verify"}),
            f"PUT {one}": lambda: self._about({"name": self._new("s")}, _SCHEDULE),
            f"GET {one}": self._schedule,
            f"PATCH {one}": lambda: self._schedule({"enabled": False}),
            f"DELETE {one}": self._schedule,
            f"POST {one}/run": self._schedule,
        }

    def _of_shells(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        one = "/api/v1/shells/{id}"
        return {
            "POST /api/v1/shells": lambda: self._plain({"host": "runs"}),
            f"GET {one}": self._shell,
            f"POST {one}/end": lambda: self._shell({"status": 0}),
            "GET /ws/ssh/{host}": lambda: self._about({"host": "runs"}),
        }

    async def _shell(self, body: Any = None) -> Asked:
        # A shell is of who opened it; who may open none asks about one that is not there.
        token = self._everyone.tokens[self._caller]
        answer = await self._api.call("POST", "/api/v1/shells", {"host": "runs"}, token=token)
        return Asked({"id": answer.json["id"] if answer.status == 200 else "x"}, body)

    def _of_alerts(self) -> dict[str, Callable[[], Awaitable[Asked]]]:
        one, silence = "/api/v1/alerts/{id}", "/api/v1/silences/{id}"
        quiet = {"matchers": ["host=db1"], "reason": "new disks", "lasts_seconds": 60}
        problem = {"event_id": "7", "event_name": "full", "event_value": "1"}
        posted = [{"labels": {"alertname": "Full", "host": "db1"}}]
        return {
            f"GET {one}": self._alert,
            f"GET {one}/why": self._alert,
            f"POST {one}/ack": lambda: self._alert({}),
            f"POST {one}/unack": lambda: self._alert({}, is_acknowledged=True),
            f"POST {one}/resolve": lambda: self._alert({}),
            f"POST {one}/comment": lambda: self._alert({"text": "new disks"}),
            "POST /api/v1/silences": lambda: self._plain(quiet),
            f"GET {silence}": lambda: self._made("/api/v1/silences", quiet),
            f"DELETE {silence}": lambda: self._made("/api/v1/silences", quiet),
            "GET /api/v1/notifications/{id}": self._notification,
            "POST /api/v1/notifications/{id}/retry": self._notification,
            "POST /api/v1/notifications/{id}/drop": self._notification,
            "GET /api/v1/incidents/{id}": self._incident,
            "POST /api/v1/receivers/{name}/test": lambda: self._about({"name": "terminal"}),
            "POST /api/v1/diagnose": lambda: self._plain({"host": "db1"}),
            "GET /api/v1/diagnoses/{id}": self._diagnosis,
            "DELETE /api/v1/diagnoses/{id}": self._diagnosis,
            "POST /api/v1/diagnose/follow": lambda: self._plain({"host": "db1"}),
            "PUT /api/v1/diagnoses/{id}/rating": self._rating,
            "POST /api/v1/diagnose/preview": lambda: self._plain({"host": "db1"}),
            "GET /api/v1/models/log/{id}": self._exchange,
            "DELETE /api/v1/models/log/{id}": self._exchange,
            "DELETE /api/v1/diagnoses/{id}/log": lambda: self._about({"id": "0" * 32}),
            "POST /api/v1/messages": lambda: self._plain({"text": "db1 restarts"}),
            "GET /ack/{token}": lambda: self._about({"token": "x"}),
            "POST /ack/{token}": lambda: self._about({"token": "x"}),
            "POST /api/v1/heartbeats/{name}": lambda: self._about({"name": "backup"}, {"text": "done"}),
            "GET /api/v1/rules/{name}": lambda: self._about({"name": "DiskFull"}),
            "POST /api/v1/rules/check": lambda: self._plain({"rules": [{"name": "Own", **_RULE}]}),
            "PUT /api/v1/rules/{name}": lambda: self._about({"name": self._new("Own")}, {"rule": _RULE}),
            "DELETE /api/v1/rules/{name}": self._rule,
            "POST /api/v1/webhooks/alertmanager": lambda: self._plain({"version": "4", "alerts": []}),
            "POST /api/v1/webhooks/zabbix": lambda: self._plain(problem),
            "POST /api/v1/webhooks/generic/{name}": lambda: self._about({"name": "own"}, {"check": "Full"}),
            "POST /api/v2/alerts": lambda: self._plain(posted),
        }

    async def _rule(self) -> Asked:
        name = self._new("Own")
        await self._do("PUT", f"/api/v1/rules/{name}", {"rule": _RULE})
        return Asked({"name": name})

    async def _alert(self, body: Any = None, *, is_acknowledged: bool = False) -> Asked:
        name = self._new("Full")
        told = [{"labels": {"alertname": name, "host": "db1"}}]
        assert (await self._api.call("POST", "/api/v2/alerts", told)).status == 200
        found = (await self._do("GET", "/api/v1/alerts?state=active&host=db1"))["alerts"]
        alert_id = next(alert["id"] for alert in found if alert["name"] == name)
        if is_acknowledged:
            await self._do("POST", f"/api/v1/alerts/{alert_id}/ack", {})
        return Asked({"id": alert_id}, body)

    async def _notification(self) -> Asked:
        """Keep one that was given up."""
        now_ms = self._api.now_ms()
        one = delivery_to(channel("ops/phone"), notice(self._new("i"), host="db1"), now_ms)
        await self._api.services.alerts.notifier.store.add(
            [replace(one, state=DeliveryState.DEAD, done_ms=now_ms)], Bounds(1000, 1000)
        )
        return Asked({"id": one.id})

    async def _incident(self) -> Asked:
        """Keep one that is over, of an alert of db1."""
        told = {(await self._alert()).names["id"]: FIRING}
        one = Incident(self._new("i"), "", {"alertname": "Full"}, 0, told=told, ended_ms=self._api.now_ms())
        records, values = self._api.services.records, incident_values(one)
        await records.write(lambda connection: connection.execute(insert(incidents).values(**values)))
        return Asked({"id": one.id})

    async def _diagnosis(self) -> Asked:
        """Keep another one as it was found the first time: that takes dozens of statements, and is what POST is asked for."""
        store = self._api.services.diagnoses.store
        if self._diagnosed is None:
            # By who sees the least: one with evidence that the caller may not read does not exist for it.
            made = await self._made("/api/v1/diagnose", {"host": "db1"}, self._everyone.tokens["group"])
            self._diagnosed = await store.find(made.names["id"])
        assert self._diagnosed is not None
        one = replace(self._diagnosed, view=structs.replace(self._diagnosed.view, id=self._new("d")))
        await store.add(one)
        return Asked({"id": one.view.id})

    async def _rating(self) -> Asked:
        made = await self._diagnosis()
        return Asked(made.names, {"verdict": "up", "word": "it was the disk"})

    async def _exchange(self) -> Asked:
        """Keep a question to a model."""
        kept = self._api.services.diagnoses.model_log.of("0" * 32, "dora")
        return Asked({"id": await kept.began(Exchange("metrics", "small-1", 1, "what is wrong?"))})

    async def _schedule(self, body: Any = None) -> Asked:
        name = self._new("s")
        await self._do("PUT", f"/api/v1/schedules/{name}", _SCHEDULE)
        return Asked({"name": name}, body)

    async def _rotation(self) -> Asked:
        # At once, so that none is under way when the next one is asked for.
        signing = (await self._do("GET", "/api/v1/commands/signing-keys"))["keys"][0]["id"]
        return Asked({}, {"confirm": signing, "at_once": True})

    def _command(self, action: str) -> dict[str, Any]:
        return {"action": action, "targets": {"hosts": ["runs"]}}

    async def _job(self, action: str = "host.uptime", body: Any = None, *, is_over: bool = False) -> Asked:
        made = await self._do("POST", "/api/v1/commands", self._command(action))
        if is_over:
            await self._do("POST", f"/api/v1/commands/{made['id']}/cancel")
        return Asked({"id": made["id"]}, body)

    async def _approval(self) -> Asked:
        # By somebody else than asks here.
        token = self._everyone.tokens["admin" if self._caller == "local" else "local"]
        made = await self._do("POST", "/api/v1/commands", self._command("host.reboot"), token)
        return Asked({"id": made["id"]}, {"plan_sha256": made["plan_sha256"]})

    async def _plain(self, body: Any, media: str = _JSON) -> Asked:
        return Asked({}, body, media)

    async def _about(self, names: dict[str, str], body: Any = None, media: str = _JSON) -> Asked:
        return Asked(names, body, media)

    async def _made(self, path: str, value: Any, token: str | None = "") -> Asked:
        return Asked({"id": (await self._do("POST", path, value, token))["id"]})

    async def _host(self, body: Any = None) -> Asked:
        # Another each time: one that was shut out does not come back by itself.
        name = self._new("spare")
        await self._api.register(name, machine_id=name, labels={"group": "db"})
        return Asked({"name": name}, body)

    async def _note(self) -> Asked:
        names = (await self._host()).names
        note = await self._do("POST", f"/api/v1/hosts/{names['name']}/notes", {"text": "new disks"})
        return Asked({**names, "id": note["id"]})

    async def _spare(self, body: Any = None) -> Asked:
        name = self._new("spare")
        await self._do("POST", "/api/v1/users", {"name": name, "grants": [{"role": "viewer"}]})
        return Asked({"name": name, "role": "viewer"}, body)

    async def _linked(self) -> Asked:
        asked = await self._spare()
        identity = {"issuer": "https://id.example.test", "subject": self._new("s")}
        await self._api.call("PUT", f"/api/v1/users/{asked.names['name']}/identity", identity)
        return asked

    async def _role(self, body: Any = None) -> Asked:
        name = self._new("spare")
        await self._do("PUT", f"/api/v1/roles/{name}", {"permissions": ["metrics.read"]})
        return Asked({"name": name}, body)

    async def _session(self) -> Asked:
        return Asked({"id": (await self._log_in())["session"]})

    async def _refresh_token(self) -> Asked:
        return Asked({}, {"refresh_token": (await self._log_in())["refresh_token"]})

    async def _log_in(self) -> Any:
        """Log in from elsewhere than the guesses come from, which are slowed down."""
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            login = {"user": self._user, "password": PASSWORD}
            async with session.post(f"{self._api.running.url}/api/v1/auth/login", json=login) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

    def _publication(self) -> dict[str, Any]:
        bundle = {"name": bundle_name(_VERSION, "x86_64"), "version": _VERSION, "arch": "x86_64"}
        return {"bundles": [{**bundle, "length": len(_CONTENT), "sha256": _DIGEST}]}

    async def _start(self) -> Asked:
        # One at a time.
        for rollout in (await self._do("GET", "/api/v1/updates/rollouts"))["rollouts"]:
            if rollout["state"] in ("running", "paused"):
                await self._do("POST", f"/api/v1/updates/rollouts/{rollout['id']}/abort")
        return Asked({}, {"version": _VERSION, "canaries": ["able"]})

    async def _rollout(self) -> Asked:
        return await self._made("/api/v1/updates/rollouts", (await self._start()).body)

    def _key(self, permissions: list[str]) -> dict[str, Any]:
        return {"name": self._new("k"), "permissions": permissions, "expires_seconds": 600}

    def _new(self, kind: str) -> str:
        return f"{kind}{self._count}"

    async def _do(self, method: str, path: str, value: Any = None, token: str | None = "") -> Any:
        answer = await self._api.call(method, path, value, token=token)
        assert answer.status == 200, (path, answer.raw)
        return answer.json
