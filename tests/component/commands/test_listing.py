"""Lists of jobs that go on into the history: the same jobs, in the same order, for the same eyes, wherever each of them is."""

import itertools
import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nagare.commands import listing
from nagare.commands.aging import Aging
from nagare.commands.history import columns_of
from nagare.commands.listing import Listing
from nagare.commands.store import CommandStore, Kept
from nagare.lib.clock import ManualClock
from nagare.model.command.job import EVERY_JOB, JobsWanted
from nagare.model.command.states import CommandState
from nagare.records.engine import Records
from nagare.wire.command_jobs import JobView
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Api
from tests.support.aged_jobs import DAY_MS, Shelf, add_ended, aged, aging_of
from tests.support.command_agent import scripted_host
from tests.support.command_jobs import NOW_MS
from tests.support.metric_store import make_store

S = CommandState
ENDS = (S.DONE, S.FAILED, S.EXPIRED, S.CANCELLED)
WANTED = (
    EVERY_JOB,
    JobsWanted("done"),
    JobsWanted("ended"),
    JobsWanted("running"),
    JobsWanted(host="h1"),
    JobsWanted(host="h1", action="disk.usage"),
    JobsWanted(by="ben"),
    JobsWanted(since_ms=NOW_MS - 45 * DAY_MS),
)


@dataclass
class World:
    """Jobs that have not moved, what would move them, and what lists them."""

    store: CommandStore
    aging: Aging
    listing: Listing

    async def pages(
        self, wanted: JobsWanted, hosts: Collection[str] | None, limit: int, *, with_history: bool = True
    ) -> list[JobView]:
        """Return all pages as one, and that no page has more than it may."""
        found: list[JobView] = []
        after = ""
        for _ in range(1000):
            page = await self.listing.page(hosts, wanted, limit, after, with_history=with_history)
            assert len(page.jobs) <= limit
            found += page.jobs
            after = page.next
            if not after:
                return found
        raise AssertionError("the pages do not end")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock(NOW_MS)
    async with Records(tmp_path / "records.db") as records, make_store(tmp_path, clock=clock) as metrics:
        store, shelf = CommandStore(records), Shelf(metrics)
        yield World(store, aging_of(store, metrics, clock, shelf), Listing(store, shelf))


def _jobs(seed: int, count: int) -> list[Kept]:
    chance = random.Random(seed)
    jobs = []
    for _ in range(count):
        kept = aged(chance.choice((1, 29, 31, 31, 40, 50, 200)), *chance.sample(ENDS, chance.randint(1, 4)))
        action = chance.choice(("host.uptime", "disk.usage"))
        person = replace(kept.job.requester, name=chance.choice(("ada", "ben")))
        jobs.append(Kept(replace(kept.job, action=action, requester=person), kept.commands))
    return jobs


def _plain(views: list[JobView]) -> list[tuple[str, dict[str, int], str]]:
    return [(view.id, view.counts, view.state) for view in views]


@pytest.mark.parametrize(("limit", "candidates"), [(3, 500), (200, 500), (4, 2)])
async def test_what_moved_is_listed_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int, candidates: int
) -> None:
    monkeypatch.setattr(listing, "_CANDIDATES", candidates)
    for kept in _jobs(7, 24):
        await add_ended(world.store, kept)
    asked = list(itertools.product(WANTED, (None, {"h0"}, {"h1", "h9"}, set[str]())))
    before = [await world.pages(wanted, hosts, 200, with_history=False) for wanted, hosts in asked]
    young = [view.id for view in before[0] if view.made_at > "2"]
    assert await world.aging.move() > 5
    for (wanted, hosts), expected in zip(asked, before, strict=True):
        assert _plain(await world.pages(wanted, hosts, limit)) == _plain(expected), (wanted, hosts)
    hot = await world.pages(EVERY_JOB, None, limit, with_history=False)
    assert 0 < len(hot) < len(young)
    found = await world.pages(EVERY_JOB, None, limit)
    assert {view.id for view in found if not view.moved} == {view.id for view in hot}
    # Nothing but the mark tells them apart.
    as_before = {view.id: view for view in before[0]}
    assert all(replace_moved(view) == as_before[view.id] for view in found)


def replace_moved(view: JobView) -> JobView:
    """Return ``view`` without the mark."""
    return type(view)(**{name: getattr(view, name) for name in view.__struct_fields__ if name != "moved"})


async def test_a_job_that_moves_between_two_pages_is_neither_lost_nor_told_twice(world: World) -> None:
    for days in (1, 2, 40, 41, 42):
        await add_ended(world.store, aged(days, S.DONE))
    everyone = await world.pages(EVERY_JOB, None, 200)
    first = await world.listing.page(None, EVERY_JOB, 3, "", with_history=True)
    assert await world.aging.move() == 3
    # The one to go on behind is in the history by now.
    second = await world.listing.page(None, EVERY_JOB, 3, first.next, with_history=True)
    assert [view.id for view in (*first.jobs, *second.jobs)] == [view.id for view in everyone]
    assert second.next == ""
    assert (await world.listing.page(None, EVERY_JOB, 3, "unknown", with_history=True)).jobs == []


@pytest.mark.parametrize("wanted", [EVERY_JOB, JobsWanted("done")])
async def test_a_job_that_moves_while_a_page_is_made_is_on_it(
    world: World, monkeypatch: pytest.MonkeyPatch, wanted: JobsWanted
) -> None:
    for days in (1, 40, 41, 42):
        await add_ended(world.store, aged(days, S.DONE))
    expected = _plain(await world.pages(wanted, None, 200))
    states = world.store.states

    async def states_of_moved(job_ids: Sequence[str], hosts: Collection[str] | None) -> Mapping[str, dict[str, int]]:
        # Between the jobs of a page and how far they are.
        await world.aging.move()
        return await states(job_ids, hosts)

    monkeypatch.setattr(world.store, "states", states_of_moved)
    assert _plain(await world.pages(wanted, None, 2)) == expected
    assert len(expected) == 4


async def test_what_is_in_both_places_after_a_crash_is_told_once(world: World) -> None:
    kept = aged(40, S.DONE)
    await add_ended(world.store, kept)
    await world.aging._book.keep_history(columns_of(await world.aging._rows(kept, 0)))
    assert [view.moved for view in await world.pages(EVERY_JOB, None, 10)] == [False]
    assert await world.aging.move() == 1
    assert [view.moved for view in await world.pages(EVERY_JOB, None, 10)] == [True]


async def test_over_http_it_is_asked_for_and_shows_each_caller_its_own_hosts(api: Api, asker: Asker) -> None:
    for name, group in (("web1", "web"), ("db1", "db")):
        await scripted_host(api, name, group=group)
    seer = await asker.login("seer", "viewer", ["web"])
    old, hidden = aged(40, S.DONE, S.FAILED), aged(41, S.DONE)
    ago = api.now_ms() - NOW_MS
    for kept, names in ((old, ("web1", "db1")), (hidden, ("db1",))):
        job = replace(kept.job, made_ms=kept.job.made_ms + ago)
        commands = [
            replace(command, host=host, changed_ms=command.changed_ms + ago)
            for command, host in zip(kept.commands, names, strict=True)
        ]
        await add_ended(api.services.commands.store, Kept(job, commands))
    assert await api.services.commands.move_aged() == 2

    async def listed(query: str, token: str = "") -> list[tuple[str, dict[str, int], bool]]:
        found = (await api.call("GET", f"{JOBS}{query}", token=token)).json["jobs"]
        return [(job["id"], job["counts"], job["moved"]) for job in found]

    assert await listed("") == []
    whole = [(old.job.id, {"done": 1, "failed": 1}, True), (hidden.job.id, {"done": 1}, True)]
    assert await listed("?history=true") == whole
    assert await listed("?history=true", seer) == [(old.job.id, {"done": 1}, True)]
    assert await listed("?history=true&state=done", seer) == [(old.job.id, {"done": 1}, True)]
    assert await listed("?history=true&host=db1", seer) == []
    assert await listed("?history=true&host=db1&state=ended") == whole[:1]
    assert (await api.call("GET", f"{JOBS}?history=yes")).status == 400
