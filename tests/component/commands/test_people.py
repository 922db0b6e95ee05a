"""Who may ask, who must agree, and what is on record of it."""

import asyncio
from datetime import UTC, datetime

import pytest

from nagare.model.event import Severity
from nagare.model.principal import ADMIN_PERMISSIONS, Permission
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Api
from tests.support.command_agent import scripted_host

REBOOT, RESTART, SHELL = "host.reboot", "service.restart", "shell.run"


async def test_a_check_tells_all_and_keeps_nothing(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1")
    await scripted_host(api, "db1", grants=False)
    told = await asker.ask(RESTART, targets={"all": True}, arguments={"unit": "nginx.service"}, check=True)
    assert (told["hosts"], told["needs"]) == (["web1"], "self-confirm")
    assert told["argvs"] == [["systemctl", "restart", "--", "nginx.service"]]
    assert "--allow commands" in told["unable"]["db1"]
    assert (await api.call("GET", JOBS)).json == {"jobs": [], "next": ""}
    entry = (await api.call("GET", "/api/v1/audit?action=commands.run")).json["entries"][0]
    assert (entry["target"], entry["after"]["check"], entry["after"]["hosts"]) == (RESTART, True, ["web1"])
    confirmed = await asker.ask(RESTART, "web1", arguments={"unit": "nginx.service"}, confirm=told["plan_sha256"])
    assert (confirmed["approval"], confirmed["approver"]) == ("self-confirm", "local")
    other = await asker.try_to_ask(RESTART, "web1", arguments={"unit": "x.service"}, confirm=told["plan_sha256"])
    assert other.code == "conflict"
    assert (await asker.try_to_ask(RESTART, "web1", arguments={"unit": "x.service"})).status == 400


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ({"action": "host.uptme"}, 404, "host.uptime"),
        ({"targets": {}}, 400, "say which hosts"),
        ({"targets": {"hosts": ["wbe1"]}}, 404, "web1"),
        ({"targets": {"groups": ["wbe"]}}, 404, "web"),
        ({"targets": {"labels": {"group": "nothing"}}}, 400, "no host"),
        ({"targets": {"hosts": ["db1"]}}, 400, "--allow commands"),
        ({"targets": {"query": "select 1 as x"}}, 400, "no column host"),
        ({"targets": {"query": "select * from read_csv('/etc/passwd')"}}, 400, ""),
        ({"arguments": {"x": 1}}, 400, "not known"),
        ({"secrets": {"x": "geheim"}}, 400, "not known"),
        ({"break_glass": "no"}, 400, "second person"),
        ({"expires_seconds": 1}, 400, ""),
        ({"batches": {"concurrency": 0}}, 400, ""),
    ],
)
async def test_what_cannot_be_asked_for(
    api: Api, asker: Asker, asked: dict[str, object], status: int, word: str
) -> None:
    await scripted_host(api, "web1", group="web")
    await scripted_host(api, "db1", grants=False)
    value = {"action": "host.uptime", "targets": {"hosts": ["web1"]}, **asked}
    answer = await api.call("POST", JOBS, value)
    assert (answer.status, word in answer.raw.decode()) == (status, True), answer.raw
    assert (await api.call("GET", JOBS)).json["jobs"] == []


async def test_a_host_that_knows_another_action_is_not_asked(api: Api, asker: Asker) -> None:
    same, other, old = [await scripted_host(api, f"web{number}") for number in range(3)]
    known = {action["name"]: action["sha256"] for action in (await api.call("GET", "/api/v1/actions")).json["actions"]}
    changed = {**known, "host.uptime": "0" * 64}
    async with (
        same.connected(actions=known) as first,
        other.connected(actions=changed) as second,
        old.connected(actions={"host.reboot": "0" * 64}) as third,
    ):
        for agent in (first, second, third):
            await agent.heard()
        told = await asker.ask("host.uptime", targets={"all": True}, check=True)
        assert told["hosts"] == ["web0"]
        assert ("another one" in told["unable"]["web1"], "knows no action" in told["unable"]["web2"]) == (True, True)
        assert (await asker.try_to_ask("host.uptime", "web1")).status == 400


async def test_hosts_by_label_and_query(api: Api, asker: Asker) -> None:
    for name in ("web1", "web2", "db1"):
        await scripted_host(api, name, group=name[:-1])
    told = await asker.ask("host.uptime", targets={"labels": {"group": "db"}}, check=True)
    assert told["hosts"] == ["db1"]
    query = "select host from hosts where host like 'web%' union all select 'gone'"
    told = await asker.ask("host.uptime", targets={"query": query, "hosts": ["web2"]}, check=True)
    assert (told["hosts"], told["unable"]["gone"]) == (["web2", "web1"], "not registered")


async def test_a_second_person_agrees_to_what_they_read(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    ann, ben = await asker.login("ann"), await asker.login("ben")
    made = await asker.ask(REBOOT, "web1", token=ann)
    assert (made["state"], made["approval"], made["counts"]) == ("pending", "", {"pending": 1})
    plan = {"plan_sha256": made["plan_sha256"]}
    own = await asker.act("approve", made["id"], plan, token=ann)
    assert (own.status, "second person" in own.json["detail"]) == (403, True)
    wrong = await asker.act("approve", made["id"], {"plan_sha256": "0" * 64}, token=ben)
    assert (wrong.status, wrong.code) == (409, "conflict")
    assert (await asker.get(made["id"]))["counts"] == {"pending": 1}
    async with host.connected() as agent:
        approved = await asker.act("approve", made["id"], plan, token=ben)
        assert (approved.json["approval"], approved.json["approver"]) == ("second-person", "ben")
        envelope = await agent.run()
    users = {user["name"]: user["id"] for user in (await api.call("GET", "/api/v1/users")).json["users"]}
    assert (envelope.requester, envelope.approver) == (users["ann"], users["ben"])
    assert (await asker.act("approve", made["id"], plan, token=ben)).code == "conflict"
    assert (await asker.act("reject", made["id"], {}, token=ben)).code == "conflict"
    entries = (await api.call("GET", "/api/v1/audit?action=commands.approve")).json["entries"]
    assert sorted(entry["outcome"] for entry in entries) == ["done", "failed", "failed", "refused"]


async def test_a_key_is_its_owner(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1")
    ann = await asker.login("ann")
    asked = {"name": "k", "permissions": ["commands.read", "commands.approve"], "expires_seconds": 600}
    key = (await api.call("POST", "/api/v1/keys", asked, token=ann)).json["secret"]
    made = await asker.ask(REBOOT, "web1", token=ann)
    plan = {"plan_sha256": made["plan_sha256"]}
    assert (await asker.act("approve", made["id"], plan, token=key)).status == 403
    # The local owner is one person, too.
    own = await asker.ask(REBOOT, "web1")
    assert (await asker.act("approve", own["id"], {"plan_sha256": own["plan_sha256"]})).status == 403
    assert (await asker.act("approve", own["id"], {"plan_sha256": own["plan_sha256"]}, token=key)).status == 200


async def test_of_two_who_approve_one_does(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    people = [await asker.login(name) for name in ("ben", "eve")]
    made = await asker.ask(REBOOT, "web1")
    plan = {"plan_sha256": made["plan_sha256"]}
    answers = await asyncio.gather(*(asker.act("approve", made["id"], plan, token=token) for token in people))
    assert sorted(answer.status for answer in answers) == [200, 409]
    async with host.connected() as agent:
        envelope = await agent.run()
        winner = next(answer.json["approver"] for answer in answers if answer.status == 200)
        job = await asker.until(made["id"], done=1)
        assert (job["approver"], envelope.id) == (winner, job["commands"][0]["id"])


async def test_who_follows_ends_with_their_session(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    ann = await asker.login("ann")
    async with host.connected() as agent, asyncio.timeout(60):
        made = await asker.ask("host.uptime", "web1")
        await agent.dispatched()
        async with asker.follow(made["id"], token=ann) as response:
            assert b'"state"' in await response.content.readline()
            assert (await api.call("DELETE", "/api/v1/users/ann/sessions")).status in (200, 204)
            lines = [line async for line in response.content]
        assert all(b'"is_end":true' not in line for line in lines)
    assert api.services.commands.count_followers() == 0


async def test_rejecting(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    ann, ben = await asker.login("ann"), await asker.login("ben")
    async with host.connected():
        made = await asker.ask(REBOOT, "web1", token=ann)
        job = (await asker.act("reject", made["id"], {"why": "not \x1b[31mtoday"}, token=ben)).json
    assert (job["state"], job["counts"]) == ("ended", {"cancelled": 1})
    assert job["stopped"].startswith("rejected by ben: not ")
    assert "\x1b" not in job["stopped"]
    plan = {"plan_sha256": made["plan_sha256"]}
    assert (await asker.act("approve", made["id"], plan, token=ben)).code == "conflict"


async def test_glass_is_broken_by_who_may_and_everybody_is_told(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    ann = await asker.login("ann")
    refused = await asker.try_to_ask(REBOOT, "web1", token=ann, break_glass="it burns")
    assert (refused.status, "commands.break_glass" in refused.json["detail"]) == (403, True)
    async with host.connected() as agent:
        made = await asker.ask(REBOOT, "web1", break_glass="it burns")
        envelope = await agent.dispatched()
        assert (made["approval"], envelope.approval, envelope.approver) == ("break-glass", "break-glass", "local")
        assert made["break_glass"] == "it burns"
        # At once, and not when it is over: nothing has begun yet.
        ((kind, severity, text, attributes),) = await asker.told(columns="kind, severity, text, attributes")
        assert (kind, severity) == ("command.break_glass", Severity.CRITICAL)
        assert text == "local ran host.reboot on web1 without a second person: it burns"
        assert (attributes["requester"], attributes["hosts"], attributes["job"]) == ("local", "web1", made["id"])
        await agent.begin(envelope)
        await agent.end(envelope)
        await asker.lines(made["id"])
    assert len(await api.sql("SELECT kind FROM events WHERE source = 'commands'")) == 1
    entries = (await api.call("GET", "/api/v1/audit?action=commands.run")).json["entries"]
    assert [(entry["outcome"], entry["after"]["break_glass"]) for entry in entries] == [
        ("done", "it burns"),
        ("refused", "it burns"),
    ]


async def test_a_free_form_program_needs_more(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1")
    ann = await asker.login("ann")
    actions = (await api.call("GET", "/api/v1/actions", token=ann)).json["actions"]
    assert {action["name"] for action in actions if not action["may_run"]} == {SHELL}
    shell = next(action for action in actions if action["name"] == SHELL)
    arguments = {name["name"]: "id" for name in shell["parameters"] if not name["is_optional"]}
    refused = await asker.try_to_ask(SHELL, "web1", token=ann, arguments=arguments, check=True)
    assert (refused.status, "commands.shell" in refused.json["detail"]) == (403, True)
    assert (await asker.ask(SHELL, "web1", arguments=arguments, check=True))["hosts"] == ["web1"]


async def test_who_is_limited_to_hosts_sees_and_runs_those_alone(api: Api, asker: Asker) -> None:
    for name in ("web1", "db1"):
        await scripted_host(api, name, group=name[:-1])
    dora, viewer = await asker.login("dora", groups=["db"]), await asker.login("vic", "viewer")
    everywhere = await asker.ask("host.uptime", "web1", "db1")
    web = await asker.ask("host.uptime", "web1")
    assert (await asker.ask("host.uptime", targets={"all": True}, token=dora, check=True))["hosts"] == ["db1"]
    beyond = await asker.try_to_ask("host.uptime", "web1", token=dora)
    absent = await asker.try_to_ask("host.uptime", "web9", token=dora)
    assert (beyond.status, beyond.json["detail"].replace("web1", "web9")) == (404, absent.json["detail"])
    assert (await asker.try_to_ask("host.uptime", targets={"groups": ["web"]}, token=dora)).status == 404
    listed = (await api.call("GET", JOBS, token=dora)).json["jobs"]
    assert [(job["id"], sum(job["counts"].values())) for job in listed] == [(everywhere["id"], 1)]
    assert [command["host"] for command in (await asker.get(everywhere["id"], dora))["commands"]] == ["db1"]
    assert (await api.call("GET", f"{JOBS}/{web['id']}", token=dora)).status == 404
    assert (await api.call("GET", f"{JOBS}/{web['id']}/follow", token=dora)).status == 404
    assert (await asker.act("cancel", everywhere["id"], token=dora)).status == 403
    assert (await asker.act("cancel", web["id"], token=dora)).status == 404
    assert (await asker.try_to_ask("host.uptime", "db1", token=viewer)).status == 403
    assert (await asker.get(web["id"], viewer))["id"] == web["id"]
    rows = await api.call("POST", "/api/v1/sql", {"sql": "SELECT DISTINCT host FROM commands"}, token=dora)
    assert rows.json["rows"] == [["db1"]]


async def test_roles_have_what_they_need() -> None:
    from nagare.identity.users.roles import BUILT_IN

    of = {
        name: {p.value for p in role.permissions if p.value.startswith("commands.")} for name, role in BUILT_IN.items()
    }
    assert of["viewer"] == {"commands.read"}
    assert of["operator"] == {"commands.read", "commands.run", "commands.approve"}
    assert Permission.COMMANDS_SHELL in ADMIN_PERMISSIONS


async def test_jobs_are_listed_in_pages(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1")
    made = [(await asker.ask("host.uptime", "web1"))["id"] for _ in range(3)]
    first = (await api.call("GET", f"{JOBS}?limit=2")).json
    rest = (await api.call("GET", f"{JOBS}?limit=2&after={first['next']}")).json
    assert sorted(job["id"] for job in [*first["jobs"], *rest["jobs"]]) == sorted(made)
    assert (first["next"], rest["next"]) == (first["jobs"][-1]["id"], "")
    assert (await api.call("GET", f"{JOBS}?limit=0")).status == 400


def _seconds(job: dict[str, str]) -> float:
    """Return how long a job that was just made, or just approved, has."""
    return (datetime.fromisoformat(job["expires_at"]) - datetime.now(UTC)).total_seconds()


async def test_a_second_person_has_an_hour_and_the_hosts_the_time_that_was_asked_for(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1")
    ann, ben = await asker.login("ann"), await asker.login("ben")
    made = await asker.ask(REBOOT, "web1", token=ann, expires_seconds=60)
    assert 3500 < _seconds(made) <= 3600
    approved = await asker.act("approve", made["id"], {"plan_sha256": made["plan_sha256"]}, token=ben)
    assert 0 < _seconds(approved.json) <= 60
    assert 7100 < _seconds(await asker.ask(REBOOT, "web1", token=ann, expires_seconds=7200)) <= 7200
    broken = await asker.ask(REBOOT, "web1", break_glass="it burns", expires_seconds=60)
    assert 0 < _seconds(broken) <= 60


async def test_jobs_are_found_by_state_host_action_person_and_time(api: Api, asker: Asker) -> None:
    await scripted_host(api, "web1", group="web")
    host = await scripted_host(api, "db1", group="db")
    ann, dora = await asker.login("ann"), await asker.login("dora", groups=["db"])
    waiting = (await asker.ask(REBOOT, "web1", token=ann))["id"]
    async with host.connected() as agent:
        both = (await asker.ask("host.uptime", "web1", "db1"))["id"]
        await agent.run()
        await asker.until(both, done=1, queued=1)
    running = (await asker.ask("host.uptime", "db1"))["id"]
    over = (await asker.ask("host.uptime", "web1"))["id"]
    await asker.act("cancel", over)

    async def found(query: str, token: str = "") -> set[str]:
        answer = await api.call("GET", f"{JOBS}?{query}", token=token)
        assert answer.status == 200, answer.raw
        return {job["id"] for job in answer.json["jobs"]}

    assert await found("state=pending") == {waiting}
    assert await found("state=running") == {both, running}
    assert await found("state=ended") == {over}
    assert await found("state=done") == set()
    assert await found("host=db1") == {both, running}
    assert await found("action=host.reboot") == await found("by=ann") == {waiting}
    assert await found("by=local&state=running&host=web1") == {both}
    assert await found(f"since_ms={api.now_ms() + 1000}") == set()
    assert await found("since_ms=0") == {waiting, both, running, over}
    # Who sees some hosts sees a job as it is there, and nothing by asking for other hosts.
    assert await found("state=done", dora) == {both}
    assert await found("host=web1", dora) == set()
    refused = await api.call("GET", f"{JOBS}?state=gone")
    assert (refused.status, refused.json["errors"][0]["parameter"]) == (400, "state")
    first = (await api.call("GET", f"{JOBS}?by=local&limit=2")).json
    rest = (await api.call("GET", f"{JOBS}?by=local&limit=2&after={first['next']}")).json
    assert [job["id"] for job in first["jobs"] + rest["jobs"]] == [over, running, both]
