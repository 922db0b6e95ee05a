"""Jobs that left the records, as people and programs see them: of a live server, and of the files of a stopped one."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from nagare.cli.offline.source import ask, describe
from nagare.commands.store import CommandStore, Kept
from nagare.config.settings import Settings
from nagare.lib.clock import ManualClock
from nagare.model.command.states import CommandState
from nagare.records.engine import Records
from nagare.wire.sql import SqlRequest
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Api
from tests.support.aged_jobs import DAY_MS, EVERYTHING, add_ended, aged, aging_of, everything, many
from tests.support.command_agent import scripted_host
from tests.support.command_jobs import NOW_MS
from tests.support.metric_store import make_store

S = CommandState


def _on(kept: Kept, now_ms: int, *hosts: str) -> Kept:
    """Return the job as one of a server whose clock shows ``now_ms``."""
    ago = now_ms - NOW_MS
    commands = [
        replace(command, host=host, changed_ms=command.changed_ms + ago)
        for command, host in zip(kept.commands, hosts, strict=True)
    ]
    return Kept(replace(kept.job, made_ms=kept.job.made_ms + ago), commands)


async def test_a_moved_job_is_shown_as_it_was(api: Api, asker: Asker) -> None:
    for name, group in (("web1", "web"), ("db1", "db")):
        await scripted_host(api, name, group=group)
    seer = await asker.login("seer", "viewer", ["web"])
    other = await asker.login("other", "viewer", ["lab"])
    store = api.services.commands.store
    both, own = (
        _on(aged(40, S.DONE, S.FAILED), api.now_ms(), "web1", "db1"),
        _on(aged(35, S.DONE), api.now_ms(), "web1"),
    )
    young = _on(aged(1, S.DONE), api.now_ms(), "db1")
    for kept in (both, own, young):
        await add_ended(store, kept)
    before = [await asker.get(kept.job.id) for kept in (both, own)]
    limited = await asker.get(both.job.id, seer)
    told = await api.sql(EVERYTHING)
    assert await api.services.commands.move_aged() == 2
    moved = {"moved": True}
    assert [await asker.get(kept.job.id) for kept in (both, own)] == [job | moved for job in before]
    assert await asker.get(both.job.id, seer) == limited | moved
    assert [command["host"] for command in limited["commands"]] == ["web1"]
    assert (await api.call("GET", f"{JOBS}/{own.job.id}", token=other)).code == "not-found"
    assert await api.sql(EVERYTHING) == told
    assert len(told) == 4
    assert [line["op"] for line in await asker.lines(both.job.id)] == ["state", "state", "job"]
    assert (await asker.act("cancel", own.job.id)).code == "conflict"
    listed = (await api.call("GET", JOBS)).json["jobs"]
    assert [job["id"] for job in listed] == [young.job.id]


def test_the_files_of_a_stopped_server_show_both_places(tmp_path: Path) -> None:
    async def fill() -> list[list[Any]]:
        clock = ManualClock(NOW_MS)
        async with Records(tmp_path / "records.db") as records, make_store(tmp_path, clock=clock) as metrics:
            store = CommandStore(records)
            aging = aging_of(store, metrics, clock)
            for kept in many(3, 6):
                await add_ended(store, kept)
            assert await aging.move() > 0
            return await everything(metrics)

    whole = asyncio.run(fill())
    settings = Settings(data=tmp_path)
    assert ask(settings, SqlRequest(EVERYTHING)).rows == whole
    counted = ask(settings, SqlRequest("SELECT count(*) FROM commands WHERE epoch_ms(ts) < $1", [NOW_MS - 30 * DAY_MS]))
    assert counted.rows == [
        [
            sum(
                row[0] < NOW_MS - 30 * DAY_MS
                for row in ask(settings, SqlRequest("SELECT epoch_ms(ts) FROM commands")).rows
            )
        ]
    ]
    assert "commands" in {view.name for view in describe(settings)}


def test_an_installation_without_commands_has_an_empty_table(tmp_path: Path) -> None:
    assert ask(Settings(data=tmp_path), SqlRequest("SELECT id, stdout FROM commands")).rows == []
