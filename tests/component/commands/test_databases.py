"""A job from the question to its end on both databases of records, through a restart of the server in the middle."""

from nagare.config.settings import RecordsSettings
from nagare.model.command.states import CommandState
from nagare.wire.commands import CommandStanding, ResultAck
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Serve
from tests.support.command_agent import scripted_host

S = CommandState
REBOOT = "host.reboot"


async def test_a_job_goes_its_way_on_both_databases(serve: Serve, migrated: RecordsSettings) -> None:
    async with serve(sections={"records": migrated}) as api:
        asker = Asker(api)
        host, away = await scripted_host(api, "web1"), await scripted_host(api, "web2")
        ann, ben = await asker.login("ann"), await asker.login("ben")
        made = await asker.ask(REBOOT, "web1", "web2", token=ann)
        plan = {"plan_sha256": made["plan_sha256"]}
        assert (await asker.act("approve", made["id"], plan, token=ann)).status == 403
        async with host.connected() as agent:
            assert (await asker.act("approve", made["id"], plan, token=ben)).status == 200
            envelope = await agent.dispatched()
            await agent.begin(envelope)
            await asker.until(made["id"], started=1, queued=1)
    async with serve(sections={"records": migrated}) as api:
        asker, host.api = Asker(api), api
        assert (await asker.get(made["id"]))["counts"] == {"started": 1, "queued": 1}
        async with host.connected(CommandStanding(envelope.id, S.STARTED)) as agent:
            await agent.end(envelope)
            await agent.next(ResultAck)
        assert (await asker.act("cancel", made["id"])).status == 200
        job = await asker.until(made["id"], done=1, cancelled=1)
        assert (job["approver"], job["state"]) == ("ben", "ended")
        (ran,) = [one for one in job["commands"] if one["host"] == host.name]
        assert ran["stdout"]["text"] == "up 3 days"
        found = (await api.call("GET", f"{JOBS}?state=ended&host={away.name}&by=ann")).json["jobs"]
        assert [one["id"] for one in found] == [made["id"]]
        rows = await api.sql("SELECT host, state, exit_code FROM commands ORDER BY host")
        assert rows == [["web1", "done", 0], ["web2", "cancelled", None]]
