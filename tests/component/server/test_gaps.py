"""Gaps over HTTP, SQL and a restart: what was buffered, what was dropped, what was down."""

import asyncio
from typing import Any

from nagare.config.places import Places
from nagare.fleet.gaps.store import GapStore
from nagare.records.engine import Records
from nagare.server.live.stored_ticks import StoredTicks
from tests.component.server.conftest import Api, Serve

STEP = 5_000


class Sender:
    """Sends what an agent says of itself at some moment, in seconds before the start of the test."""

    def __init__(self, api: Api, token: str) -> None:
        self.api = api
        self.token = token
        self.start_ms = api.now_ms() - 3_600_000

    async def tick(self, moment: int, *, boot: str = "boot-1", waiting: int = 0, seq: int | None = None) -> None:
        """Send the batch of that moment; seqs go with the moments."""
        row = {"ts": [self.start_ms + moment * STEP], "collector": ["agent"], "spool_batches": [waiting]}
        batch = {"v": 1, "host": "web1", "boot": boot, "seq": moment if seq is None else seq, "tables": {"agent": row}}
        answer = await self.api.call("POST", "/api/v1/metrics/batch", batch, token=self.token)
        assert answer.status == 200, answer.raw

    async def gaps(self) -> list[tuple[int, int, str]]:
        """Return the closed gaps in moments."""
        await self.api.services.gaps.take()
        rows = await self.api.sql(
            "SELECT epoch_ms(ts), until_ms, kind FROM gaps WHERE until_ms IS NOT NULL ORDER BY ts"
        )
        return [((low - self.start_ms) // STEP, (high - self.start_ms) // STEP, kind) for low, high, kind in rows]


async def test_buffered_dropped_and_down_are_told_apart(api: Api) -> None:
    sender = Sender(api, await api.register())
    for moment in (1, 2, 3):
        await sender.tick(moment)
    # The server was away: what waited comes newest first, then oldest first, and some of it was given up.
    await sender.tick(40, waiting=20)
    assert await sender.gaps() == [(3, 40, "late")]
    for moment in (*range(4, 20), *range(30, 40)):
        await sender.tick(moment, waiting=1)
    assert await sender.gaps() == [(3, 19, "buffered"), (19, 30, "late"), (30, 40, "buffered")]
    await sender.tick(41)
    # The machine was off.
    await sender.tick(100, boot="boot-2", seq=1)
    assert await sender.gaps() == [
        (3, 19, "buffered"), (19, 30, "dropped"), (30, 40, "buffered"), (41, 100, "down"),
    ]  # fmt: skip
    listed = (await api.call("GET", "/api/v1/hosts/web1/gaps")).json["gaps"]
    assert [gap["kind"] for gap in listed] == ["buffered", "dropped", "buffered", "down"]
    since = (await api.call("GET", f"/api/v1/hosts/web1/gaps?since_ms={sender.start_ms + 50 * STEP}")).json["gaps"]
    assert [gap["kind"] for gap in since] == ["down"]
    before = f"/api/v1/hosts/web1/gaps?until_ms={sender.start_ms + 4 * STEP}"
    assert [gap["kind"] for gap in (await api.call("GET", before)).json["gaps"]] == ["buffered"]
    assert (await api.call("GET", "/api/v1/hosts/web1/gaps?since_ms=x")).status == 400
    assert (await api.call("GET", "/api/v1/hosts/nobody/gaps")).status == 404


async def test_what_was_thinned_at_the_agent_is_no_drop(api: Api) -> None:
    sender = Sender(api, await api.register())
    for moment in (1, 2, 3):
        await sender.tick(moment)
    await sender.tick(40, waiting=20)
    # Of 4 to 39 every fourth moment is left, and one batch stands for the others.
    for moment in range(36, 3, -4):
        await sender.tick(moment, waiting=1)
    out = [moment for moment in range(4, 40) if moment % 4]
    span = [sender.start_ms + 4 * STEP, sender.start_ms + 39 * STEP]
    batch = {
        "v": 1,
        "host": "web1",
        "boot": "boot-1",
        "seq": 2**40 + 39,
        "tables": {},
        "replaces": out,
        "thinned": span,
    }
    for is_duplicate in (False, True):
        answer = await api.call("POST", "/api/v1/metrics/batch", batch, token=sender.token)
        assert answer.json == {"accepted": 0, "duplicate": is_duplicate, "refused": []}
    await sender.tick(41)
    assert await sender.gaps() == [(3, 4, "buffered"), (4, 40, "thinned")]
    # One that was thought lost, and comes after all, is known.
    late = {"v": 1, "host": "web1", "boot": "boot-1", "seq": 5, "tables": {"load": {"ts": span[:1], "load1": [1.0]}}}
    answer = await api.call("POST", "/api/v1/metrics/batch", late, token=sender.token)
    assert answer.json["duplicate"] is True
    assert await api.sql("SELECT count(*) FROM load") == [[0]]
    wrong = batch | {"seq": 7, "thinned": [1]}
    assert (await api.call("POST", "/api/v1/metrics/batch", wrong, token=sender.token)).status == 400


async def test_what_an_agent_gave_up_is_dropped_though_it_was_started_anew_since(api: Api) -> None:
    sender = Sender(api, await api.register())
    await sender.tick(1)
    await sender.tick(40, boot="boot-2", seq=1, waiting=3)
    wrong = {"reason": "full", "batches": "30", "from_ms": "x", "until_ms": str(2**70)}
    right = wrong | {"from_ms": str(sender.start_ms + 2 * STEP), "until_ms": str(sender.start_ms + 30 * STEP)}
    for name, spread in (("e1", wrong), ("e2", right)):
        event = {"ts": [sender.start_ms], "id": [name], "kind": ["agent.batches_dropped"], "attributes": [spread]}
        batch = {"v": 1, "host": "web1", "boot": name, "seq": 1, "tables": {"events": event}}
        assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=sender.token)).status == 200
        assert await sender.gaps() == [(1, 40, "late")]
    for moment in range(39, 30, -1):
        await sender.tick(moment, boot="boot-1", waiting=1)
    await sender.tick(41, boot="boot-2", seq=2)
    assert await sender.gaps() == [(1, 31, "dropped"), (31, 40, "buffered")]


async def test_an_hour_of_the_server_away_is_no_gap_of_a_host_that_was_steady(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register()
        first = Sender(api, token)
        await first.tick(1)
    async with serve() as api:
        sender = Sender(api, token)
        sender.start_ms = first.start_ms
        await sender.tick(60, waiting=58)
        for moment in range(2, 60):
            await sender.tick(moment, waiting=60 - moment)
        await sender.tick(61)
        assert await sender.gaps() == [(1, 60, "buffered")]
    async with serve() as api:
        sender = Sender(api, token)
        sender.start_ms = first.start_ms
        assert await sender.gaps() == [(1, 60, "buffered")]


async def test_what_a_crash_forgot_is_read_from_the_samples_again(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register()
        first = Sender(api, token)
        await first.tick(1)
        await first.tick(40, waiting=38)
        await first.tick(2, waiting=37)
        await api.services.gaps.take()
        await api.services.gaps.flush()
        kept = await api.services.gaps._store.load()
        for moment in (*range(3, 20), *range(41, 60)):
            await first.tick(moment, waiting=1)
        await api.services.gaps.take()
    # As a crash would leave it: the records know nothing of the last moments, the samples do.
    async with Records(Places(serve.data).records) as records:
        await GapStore(records).save(kept, kept.keys())
    async with serve() as api:
        sender = Sender(api, token)
        sender.start_ms = first.start_ms
        await sender.tick(60)
        assert await sender.gaps() == [(1, 19, "buffered"), (19, 40, "dropped")]


async def test_a_crash_before_anything_was_saved_of_a_host_forgets_nothing_of_it(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register()
        first = Sender(api, token)
        for moment in range(40, 20, -1):
            await first.tick(moment, waiting=moment)
    async with Records(Places(serve.data).records) as records:
        await GapStore(records).forget(await GapStore(records).load())
    async with serve() as api:
        sender = Sender(api, token)
        sender.start_ms = first.start_ms
        await sender.tick(60, waiting=40)
        for moment in (*range(59, 40, -1), *range(20, 0, -1)):
            await sender.tick(moment, waiting=1)
        await sender.tick(61)
        assert {kind for _, _, kind in await sender.gaps()} <= {"buffered"}


async def test_a_host_that_is_gone_leaves_no_gaps(serve: Serve) -> None:
    async with serve() as api:
        sender = Sender(api, await api.register())
        await sender.tick(1)
        await sender.tick(50)
        assert len(await sender.gaps()) == 1
        await api.services.gaps.flush()
        assert (await api.call("DELETE", "/api/v1/hosts/web1")).status == 204
        assert await sender.gaps() == []
        await api.register()
        assert (await api.call("GET", "/api/v1/hosts/web1/gaps")).json == {"gaps": []}


async def test_a_silent_host_has_an_open_gap(api: Api) -> None:
    sender = Sender(api, await api.register(interval_seconds=0.2))
    await sender.tick(1)
    await api.services.gaps.take()

    async def newest() -> dict[str, Any] | None:
        listed = (await api.call("GET", "/api/v1/hosts/web1/gaps")).json["gaps"]
        return listed[-1] if listed else None

    async with asyncio.timeout(30):
        while (gap := await newest()) is None or gap["kind"] != "down":
            await api.services.fleet.review()
    assert gap["until_at"] is None


async def test_before_any_agent_there_is_nothing_to_read(api: Api) -> None:
    assert await StoredTicks(api.services.store).find("web1", 0) == []
