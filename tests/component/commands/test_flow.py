"""A request on its way: to the hosts, to its end, and to whom it may concern."""

import asyncio

from nagare.model.command.result import Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.codec import decode_any
from nagare.wire.commands import (
    Cancel,
    CommandEnded,
    CommandStanding,
    Credit,
    Receipt,
    ResultAck,
)
from tests.component.commands.conftest import Asker
from tests.component.server.conftest import Api
from tests.support.command_agent import result_of, scripted_host

S = CommandState


async def test_a_command_runs_and_is_told(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1", why="is it \x1b[2Jup?")
        envelope = await agent.dispatched()
        assert (envelope.host_id, envelope.action, envelope.requester) == (host.id, "host.uptime", "local")
        assert envelope.plan_sha256 == made["plan_sha256"]
        assert (await asker.get(made["id"]))["counts"] == {"sent": 1}
        await agent.begin(envelope)
        await agent.write(envelope, b"up 3")
        await agent.write(envelope, b" days\xe2\x82", 4)
        await agent.write(envelope, b"\xac\n", 11)
        await agent.end(envelope)
        assert (await agent.next(ResultAck)).id == envelope.id
        lines = await asker.lines(made["id"])
    job = await asker.get(made["id"])
    assert (job["state"], job["counts"], job["approval"]) == ("done", {"done": 1}, "none")
    assert "\x1b" not in job["why"]
    command = job["commands"][0]
    assert (command["state"], command["exit_code"], command["stdout"]["text"]) == ("done", 0, "up 3 days")
    assert lines[-1] | {"seq": 0} == {"op": "job", "seq": 0, "is_end": True, "state": "done", "counts": {"done": 1}}
    rows = await api.sql("SELECT host, action, state, exit_code, requester FROM commands")
    assert rows == [["web1", "host.uptime", "done", 0, "local"]]
    metrics = (await api.call("GET", "/metrics")).raw.decode()
    assert "nagare_commands_ended_done_total 1" in metrics


async def test_followers_see_output_as_it_comes(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        job = await asker.until(made["id"], started=1)
        assert job["commands"][0]["confinement"] == "rlimits"
        following = asyncio.TaskGroup()
        async with following:
            told = following.create_task(asker.lines(made["id"]))
            for number in range(20):
                await agent.write(envelope, b"x" * 2**15, number * 2**15)
            # Whoever reads: what the agent sent is given back.
            credit = sum([(await agent.next(Credit)).bytes for _ in range(10)])
            assert credit == 20 * 2**15
            await agent.end(envelope)
        outputs = [line for line in told.result() if line["op"] == "output"]
        assert [line["state"] for line in told.result() if line["op"] == "job"] == ["done"]
        assert outputs[-1]["offset"] == 19 * 2**15
        seqs = [line["seq"] for line in told.result()]
        assert seqs == sorted(seqs)


async def test_a_late_follower_goes_on_behind_a_line(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        await agent.write(envelope, b"one\n")
        await agent.write(envelope, b"two\n", 4)
        await agent.write(envelope, b"half a line", 8, "stderr")
        await agent.say(Receipt(envelope.id, is_accepted=True))
        async with asyncio.timeout(60), asker.follow(made["id"]) as response:
            seen = []
            async for line in response.content:
                seen.append(decode_any(line))
                if seen[-1].get("stream") == "stderr":
                    break
        outputs = [line for line in seen if line["op"] == "output"]
        assert [line["text"] for line in outputs] == ["one\n", "two\n", "half a line"]
        await agent.end(envelope)
        await agent.next(ResultAck)
        again = await asker.lines(made["id"], outputs[0]["seq"])
        assert [line["op"] for line in again][-1] == "job"


async def test_a_refused_command_has_failed_for_its_reason(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    cases = (
        (Reason.POLICY_DENIES, "failed", "policy-denies"),
        (Reason.EXPIRED, "expired", "expired"),
        # It was there before, and how it ended is not known: it may have run.
        (Reason.REPLAYED, "lost", "replayed"),
    )
    async with host.connected() as agent:
        for reason, state, told in cases:
            made = await asker.ask("host.uptime", "web1")
            envelope = await agent.dispatched()
            await agent.say(Receipt(envelope.id, is_accepted=False, reason=reason, text="no\x1b[2J"))
            job = await asker.until(made["id"], **{state: 1})
            assert (job["state"], job["commands"][0]["reason"]) == ("ended", told)
            assert "\x1b" not in job["commands"][0]["text"]
    assert await asker.told(3) == [["command.expired"], ["command.failed"], ["command.lost"]]


async def test_an_end_without_a_word_of_its_begin(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.end(envelope)
        await agent.next(ResultAck)
        # The acknowledgement was lost: it comes again, and is acknowledged again.
        await agent.end(envelope)
        await agent.next(ResultAck)
        # One that tells another end changes nothing of what is known.
        await agent.end(envelope, S.FAILED)
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["counts"] == {"done": 1}
    assert api.services.commands.counters.get("results_conflicting") == 1


async def test_a_host_that_is_away_is_waited_for(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    made = await asker.ask("host.uptime", "web1")
    assert "not connected" in made["unable"]["web1"]
    await asker.until(made["id"], queued=1)
    async with host.connected() as agent:
        await agent.run()
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["state"] == "done"


async def test_what_was_lost_on_the_way_is_sent_again_as_it_was(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        first = await agent.dispatched()
    async with host.connected() as agent:
        assert await agent.dispatched() == first
        await agent.begin(first)
        await asker.until(made["id"], started=1)
    async with host.connected(CommandStanding(first.id, S.STARTED)) as agent:
        await agent.end(first)
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["state"] == "done"


async def test_a_host_that_forgot_what_began_has_lost_it(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        await asker.until(made["id"], started=1)
    async with host.connected() as agent:
        job = await asker.until(made["id"], lost=1)
        assert job["commands"][0]["reason"] == "forgotten"
        # What it finds after all counts.
        await agent.say(CommandEnded(envelope.id, result_of(S.FAILED)))
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["counts"] == {"failed": 1}


async def test_cancelling(api: Api, asker: Asker) -> None:
    running, away = await scripted_host(api, "web1"), await scripted_host(api, "web2")
    async with running.connected() as agent:
        made = await asker.ask("host.uptime", "web1", "web2")
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        await asker.until(made["id"], started=1, queued=1)
        job = (await asker.act("cancel", made["id"])).json
        # What waits is ended at once; what runs is when its host says so.
        assert job["counts"] == {"started": 1, "cancelled": 1}
        assert (await agent.next(Cancel)).id == envelope.id
        await agent.end(envelope, S.CANCELLED, reason=Reason.CANCELLED)
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["counts"] == {"cancelled": 2}
    assert (await asker.act("cancel", made["id"])).code == "conflict"
    async with away.connected() as agent:
        await agent.say(Receipt("probe", is_accepted=True))
        other = await asker.ask("host.uptime", "web2")
        assert (await agent.dispatched()).id == other["commands"][0]["id"], "nothing of the cancelled job went out"


async def test_canaries_then_the_others_until_too_many_fail(api: Api, asker: Asker) -> None:
    hosts = [await scripted_host(api, f"web{number}", group="web") for number in range(5)]
    batches = {"canary": 1, "concurrency": 2, "stop_after": 1}
    async with hosts[0].connected() as first, hosts[1].connected() as second, hosts[2].connected() as third:
        made = await asker.ask("host.uptime", targets={"groups": ["web"]}, batches=batches)
        await first.begin(envelope := await first.dispatched())
        job = await asker.until(made["id"], started=1, approved=4)
        await first.end(envelope)
        one, two = await second.dispatched(), await third.dispatched()
        job = await asker.get(made["id"])
        # Two are out, so that those which are away have no turn.
        assert job["counts"] == {"done": 1, "sent": 2, "approved": 2}
        await second.end(one, S.FAILED, stdout=StreamKept())
        job = await asker.until(made["id"], done=1, failed=1, sent=1, cancelled=2)
        assert "1 of 5" in job["stopped"]
        await third.end(two)
        job = await asker.until(made["id"], done=2, failed=1, cancelled=2)
        assert job["state"] == "ended"
    assert await asker.told(2) == [["command.failed"], ["command.stopped"]]
