"""The kind ``command``: a job under all its rules, made once, whoever died meanwhile; with hosts that a test plays."""

import asyncio
from typing import Any

from nagare.model.command.states import CommandState
from nagare.wire.codec import decode
from nagare.wire.commands import Cancel, CommandStanding, SignedCommandKeys
from tests.component.server.conftest import Api, Serve
from tests.support.command_agent import ScriptedHost, scripted_host

PATIENCE_SECONDS = 60.0


async def _submit(api: Api, action: str = "host.uptime", **more: Any) -> dict[str, Any]:
    arguments = {"action": action, "targets": {"hosts": ["web1"]}, **more}
    answer = await api.call("POST", "/api/v1/tasks", {"kind": "command", "arguments": arguments})
    assert answer.status == 200, answer.raw
    return dict(answer.json)


async def _until(api: Api, task_id: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            task: dict[str, Any] = (await api.call("GET", f"/api/v1/tasks/{task_id}")).json
            if task["state"] in states:
                return task


async def _job(api: Api, job_id: str, state: str = "") -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await api.call("GET", f"/api/v1/commands/{job_id}")
            if answer.status == 200 and state in ("", answer.json["state"]):
                return dict(answer.json)


async def test_a_command_is_a_job_with_the_id_of_its_task(api: Api) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        await agent.heard()
        made = await _submit(api)
        await agent.run()
        done = await _until(api, made["id"], "done", "failed")
        assert (done["state"], done["result"]) == (
            "done", {"job": made["id"], "state": "done", "counts": {"done": 1}}
        )  # fmt: skip
        failing = await _submit(api)
        await agent.run(CommandState.FAILED)
        failed = await _until(api, failing["id"], "done", "failed")
        assert (failed["state"], failed["attempt"]) == ("failed", 1)
        assert failed["text"] == "1 of 1 commands did not end as done: 1 failed"
    entries = (await api.call("GET", "/api/v1/audit?action=commands.run")).json["entries"]
    assert {(entry["actor"], entry["actor_kind"], entry["after"]["task"]) for entry in entries} == {
        ("local", "task", made["id"]), ("local", "task", failing["id"])
    }  # fmt: skip


async def test_a_second_person_is_waited_for_as_always(api: Api) -> None:
    host = await scripted_host(api, "web1")
    user = {"name": "bob", "password": "correct horse battery", "grants": [{"role": "operator"}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "bob", "password": "correct horse battery"}
    bob = (await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"]
    async with host.connected() as agent:
        await agent.heard()
        made = await _submit(api, "host.reboot", arguments={})
        job = await _job(api, made["id"], "pending")
        assert (await _until(api, made["id"], "running"))["attempt"] == 1
        approval = {"plan_sha256": job["plan_sha256"]}
        # Not by who asked for the task.
        own = await api.call("POST", f"/api/v1/commands/{made['id']}/approve", approval)
        assert own.status == 403
        agreed = await api.call("POST", f"/api/v1/commands/{made['id']}/approve", approval, token=bob)
        assert agreed.status == 200, agreed.raw
        await agent.run()
        assert (await _until(api, made["id"], "done", "failed"))["state"] == "done"


async def test_a_confirmation_is_of_the_plan_that_runs(api: Api) -> None:
    await scripted_host(api, "web1")
    arguments = {"action": "service.restart", "targets": {"hosts": ["web1"]}, "arguments": {"unit": "a.service"}}
    refused = await api.call("POST", "/api/v1/tasks", {"kind": "command", "arguments": arguments})
    assert refused.status == 400
    check = (await api.call("POST", "/api/v1/commands", {**arguments, "check": True})).json
    assert check["plan_sha256"] in refused.json["hint"]
    confirmed = {**arguments, "confirm": check["plan_sha256"]}
    assert (await api.call("POST", "/api/v1/tasks", {"kind": "command", "arguments": confirmed})).status == 200


async def test_cancelling_the_task_cancels_its_job(api: Api) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        await agent.heard()
        made = await _submit(api)
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        assert (await api.call("POST", f"/api/v1/tasks/{made['id']}/cancel")).status == 200
        assert (await agent.next(Cancel)).id == envelope.id
        assert (await _until(api, made["id"], "cancelled"))["cancelled_by"] == "local"
        await agent.end(envelope, CommandState.CANCELLED)
        await _job(api, made["id"], "ended")


async def test_a_restart_finds_the_job_that_is_there(serve: Serve) -> None:
    async with serve() as api:
        host = await scripted_host(api, "web1")
        async with host.connected() as agent:
            await agent.heard()
            made = await _submit(api)
            envelope = await agent.dispatched()
            await agent.begin(envelope)
            await _job(api, made["id"], "running")
    async with serve() as api:
        again = ScriptedHost(api, "web1", host.token, host.key, await _keys(api, host.token))
        async with again.connected(CommandStanding(envelope.id, CommandState.STARTED)) as agent:
            await agent.heard()
            await agent.end(envelope)
            done = await _until(api, made["id"], "done", "failed")
            assert (done["state"], done["result"]["job"]) == ("done", made["id"])
        jobs = (await api.call("GET", "/api/v1/commands")).json["jobs"]
        assert [job["id"] for job in jobs] == [made["id"]]


async def _keys(api: Api, token: str) -> SignedCommandKeys:
    return decode((await api.call("GET", "/api/v1/commands/keys", token=token)).raw, SignedCommandKeys)
