"""What only the embedded bus promises: by its clock, in its file, for one process alone."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.bus.embedded import database, writer
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.embedded.core import Core
from nagare.bus.message import Message
from nagare.bus.protocol import ConsumerSpec, Lag
from nagare.bus.streams import DAY, Streams, StreamSpec
from nagare.errors import DiskFullError, InputError, LockedError, NotReadyError, OverloadedError, StorageError
from nagare.lib.clock import ManualClock, SystemClock
from tests.support.buses import until

STREAMS = Streams(
    (StreamSpec("work", ("work.*",), DAY, 1000, 100_000), StreamSpec("other", ("other",), DAY, 1000, 2**20))
)
SPEC = ConsumerSpec("work", "reader", ack_seconds=30.0, deliver_limit=3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@contextlib.asynccontextmanager
async def _opened(path: Path, clock: ManualClock) -> AsyncIterator[EmbeddedBus]:
    async with EmbeddedBus(path / "bus.db", clock, STREAMS) as bus:
        yield bus


def _messages(count: int, prefix: str = "m", body: bytes = b"") -> list[Message]:
    return [Message("work.a", body, f"{prefix}{n}") for n in range(count)]


async def test_a_deadline_passes_by_the_clock_alone(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))
        consumer = await bus.consumer(SPEC)
        (first,) = await consumer.fetch()
        await clock.advance(29.9)
        assert await consumer.fetch() == []
        await first.in_progress()
        await clock.advance(29.9)
        assert await consumer.fetch() == []
        await clock.advance(0.1)
        (second,) = await consumer.fetch()
        assert second.attempt == 2
        # The word of whoever lost it to somebody else changes nothing for that one.
        await first.in_progress()
        await first.nak()
        await clock.advance(29.9)
        assert await consumer.fetch() == []


async def test_a_fetch_wakes_when_a_delay_ends(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))
        consumer = await bus.consumer(SPEC)
        (first,) = await consumer.fetch()
        await first.nak(delay_seconds=100.0)
        waiting = asyncio.gather(consumer.fetch(wait_seconds=500.0))
        await until(lambda: clock._sleepers)
        await clock.advance(100.0)
        ((again,),) = await waiting
        assert again.attempt == 2
        empty = asyncio.gather(consumer.fetch(wait_seconds=5.0))
        await until(lambda: clock._sleepers)
        await clock.advance(5.0)
        assert list((await empty)[0]) == []


async def test_a_new_start_gives_out_at_once_what_the_old_one_had(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(3))
        consumer = await bus.consumer(SPEC)
        found = await consumer.fetch()
        await found[0].nak(delay_seconds=60.0)
        await found[1].ack()
    async with _opened(tmp_path, clock) as bus:
        consumer = await bus.consumer(SPEC)
        assert [(delivery.message.id, delivery.attempt) for delivery in await consumer.fetch()] == [("m2", 2)]
        await clock.advance(60.0)
        assert [(one.message.id, one.attempt) for one in await consumer.fetch()] == [("m2", 3), ("m0", 2)]


async def test_a_clock_that_was_set_back_holds_nothing_for_ever(tmp_path: Path) -> None:
    async with _opened(tmp_path, ManualClock(start_ms=1_760_000_000_000)) as bus:
        await bus.publish(_messages(1))
        (delivery,) = await (await bus.consumer(SPEC)).fetch()
        await delivery.nak(delay_seconds=1.0)
    late = ManualClock(start_ms=1_600_000_000_000)
    async with _opened(tmp_path, late) as bus:
        consumer = await bus.consumer(SPEC)
        await late.advance(DAY)
        assert len(await consumer.fetch()) == 1
        # Places and times of a stream rise together.
        await bus.publish(_messages(1, "new"))
        (new,) = await consumer.fetch()
        assert new.published_at.timestamp() >= 1_760_000_000


async def test_an_id_is_forgotten_with_its_window(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))
        await clock.advance(120.0)
        assert (await bus.publish(_messages(1)))[0].duplicate
        await clock.advance(0.1)
    async with _opened(tmp_path, clock) as bus:
        assert not (await bus.publish(_messages(1)))[0].duplicate


async def test_old_messages_go_with_what_was_out_of_them(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(5, "old"))
        consumer = await bus.consumer(SPEC)
        await consumer.fetch(2)
        await clock.advance(DAY / 2)
        await bus.publish(_messages(3, "new"))
        await clock.advance(DAY / 2 + 1)
        await bus.prune()
        assert await consumer.lag() == Lag(3, 0)
        assert [delivery.message.id for delivery in await consumer.fetch()] == ["new0", "new1", "new2"]
        assert bus.counters.get("messages_removed") == 5


async def test_house_is_kept_by_itself(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus, asyncio.TaskGroup() as tasks:
        await bus.publish(_messages(5))
        keeper = tasks.create_task(bus.run())
        await until(lambda: clock._sleepers)
        await clock.advance(DAY + 60)
        await until(lambda: bus.counters.get("messages_removed"))
        keeper.cancel()


async def test_more_than_one_round_removes_many(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nagare.bus.embedded.core.PRUNE_ROWS", 7)
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(50))
        await clock.advance(DAY + 1)
        await bus.publish(_messages(2, "new"))
        await bus.prune()
        assert await (await bus.consumer(SPEC)).lag() == Lag(2, 0)


async def test_a_stream_is_bounded_by_bytes(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        for number in range(40):
            await bus.publish(_messages(5, f"{number}-", bytes(1000)))
        consumer = await bus.consumer(SPEC)
        lag = await consumer.lag()
        assert 80 < lag.waiting < 100
        newest = (await consumer.fetch(1000))[-1]
        assert newest.message.id == "39-4"
    with sqlite3.connect(tmp_path / "bus.db") as database:
        told, real = database.execute(
            "SELECT bytes, (SELECT sum(length(data) + length(subject) + length(id) + 40) FROM messages_1) FROM streams"
        ).fetchone()
        assert told == real <= 100_000
    database.close()


async def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock):
        with pytest.raises(LockedError, match=str(os.getpid())) as refused:
            async with _opened(tmp_path, clock):
                raise AssertionError
        assert refused.value.context["pid"] == os.getpid()
        code = (
            "import asyncio, sys; from pathlib import Path; from nagare.bus.embedded.bus import EmbeddedBus\n"
            "from nagare.errors import LockedError; from nagare.lib.clock import SystemClock\n"
            "async def main():\n"
            "    async with EmbeddedBus(Path(sys.argv[1]), SystemClock()): pass\n"
            "try: asyncio.run(main())\n"
            "except LockedError as error: print(error.context['pid'])\n"
        )
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(tmp_path / "bus.db"), stdout=subprocess.PIPE
        )
        said, _ = await child.communicate()
        assert said.decode().strip() == str(os.getpid())
    async with _opened(tmp_path, clock):
        pass


async def test_what_is_no_database_is_told_as_such(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "bus.db").write_bytes(b"not a database at all, but long enough to be read as a header of one" * 20)
    with pytest.raises(StorageError, match="cannot open bus") as refused:
        async with _opened(tmp_path, clock):
            raise AssertionError
    assert "backup" in refused.value.hint
    # The lock is free again.
    (tmp_path / "bus.db").unlink()
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))


async def test_a_newer_format_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    with sqlite3.connect(tmp_path / "bus.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StorageError, match="newer version"):
        async with _opened(tmp_path, clock):
            raise AssertionError


async def test_a_disk_that_fails_fails_the_group_and_nothing_else(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(3))
        consumer = await bus.consumer(SPEC)
        (first, *_) = await consumer.fetch(1)

        def fail(_: Core) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(Core, "flush", fail)
            for work in (
                bus.publish(_messages(2, "lost")),
                first.ack(),
                consumer.fetch(),
                bus.consumer(ConsumerSpec("other", "c")),
            ):
                with pytest.raises(StorageError, match="disk I/O error"):
                    await work
        # Nobody was told anything of it, so nothing of it is.
        assert await consumer.lag() == Lag(2, 1)
        assert [ack.duplicate for ack in await bus.publish(_messages(2, "lost"))] == [False, False]
        await first.ack()
        assert [one.message.id for one in await consumer.fetch()] == ["m1", "m2", "lost0", "lost1"]
        assert await (await bus.consumer(ConsumerSpec("other", "c"))).lag() == Lag(0, 0)


async def _fill(bus: EmbeddedBus, acked: list[str]) -> None:
    for number in range(1000):
        sent = _messages(3, f"{number}-", bytes(1000))
        try:
            await bus.publish(sent)
        except DiskFullError:
            return
        acked += [message.id for message in sent]
    raise AssertionError("the disk never was full")


async def test_a_full_disk_refuses_and_what_was_acknowledged_stays(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    acked: list[str] = []
    with monkeypatch.context() as patch:
        # SQLite's own bound of the file stands for that of the disk: the same error at the same places.
        patch.setattr(database, "_PRAGMAS", (*database._PRAGMAS, "max_page_count=30"))
        async with _opened(tmp_path, clock) as bus:
            consumer = await bus.consumer(SPEC)
            await _fill(bus, acked)
            # Small words still find room, or are refused as well; nothing hangs, nothing is half done.
            with contextlib.suppress(DiskFullError):
                await consumer.fetch(1)
    async with _opened(tmp_path, clock) as bus:
        found = await (await bus.consumer(ConsumerSpec("work", "check"))).fetch(1000)
        assert [delivery.message.id for delivery in found] == acked[-len(found) :]
        await bus.publish(_messages(3, "again"))


async def test_a_bug_in_a_verb_fails_its_group_and_the_thread_goes_on(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:

        def broken(_: Core) -> None:
            raise ZeroDivisionError

        with pytest.raises(StorageError, match="ZeroDivisionError"):
            await bus._writer.submit(broken)
        await bus.publish(_messages(1))


async def test_a_verb_that_is_refused_leaves_its_group_alone(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        consumer = await bus.consumer(SPEC)
        await bus.remove_consumer("work", "reader")
        refused, stored = await asyncio.gather(consumer.fetch(), bus.publish(_messages(2)), return_exceptions=True)
        assert isinstance(refused, Exception)
        assert not isinstance(stored, BaseException)
        assert len(stored) == 2


async def test_messages_of_several_streams_are_stored_together(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        acks = await bus.publish([Message("work.a", b"", "a"), Message("other", b"", "a"), Message("work.b", b"", "b")])
        assert [(ack.stream, ack.seq) for ack in acks] == [("work", 1), ("other", 1), ("work", 2)]


async def test_more_than_may_wait_is_refused(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 10)
    async with _opened(tmp_path, clock) as bus:
        results = await asyncio.gather(*(bus.publish(_messages(4, f"{n}-")) for n in range(5)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, OverloadedError)]
        assert len(refused) == 3
        assert bus.counters.get("jobs_refused") == 3
        # What waited is through, and there is room again.
        await bus.publish(_messages(10))
        # One that is larger than the bound itself goes through alone.
        await bus.publish(_messages(20, "many"))


async def test_a_closed_bus_takes_nothing(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        pass
    with pytest.raises(NotReadyError):
        await bus.publish(_messages(1))


async def test_what_was_handed_in_is_finished_when_it_closes(tmp_path: Path) -> None:
    clock = SystemClock()
    async with EmbeddedBus(tmp_path / "bus.db", clock, STREAMS) as bus:
        publishing = asyncio.gather(*(bus.publish(_messages(3, f"{n}-")) for n in range(20)))
        await asyncio.sleep(0)
    assert len(await publishing) == 20
    async with EmbeddedBus(tmp_path / "bus.db", clock, STREAMS) as bus:
        assert await (await bus.consumer(SPEC)).lag() == Lag(60, 0)


async def test_a_publisher_that_is_cancelled_has_published(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(bus.publish(_messages(1)))
            await asyncio.sleep(0)
            task.cancel()
        assert (await bus.publish(_messages(1)))[0].duplicate


async def test_a_consumer_that_is_named_again_is_changed(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish([Message(f"work.{'ab'[n % 2]}", b"", f"m{n}") for n in range(6)])
        consumer = await bus.consumer(SPEC)
        await consumer.fetch(2)
        limited = await bus.consumer(ConsumerSpec("work", "reader", ("work.b",), ack_seconds=1.0))
        assert [one.message.id for one in await limited.fetch()] == ["m3", "m5"]
        assert await limited.lag() == Lag(0, 4)


async def test_a_filter_finds_one_among_thousands(tmp_path: Path, clock: ManualClock) -> None:
    streams = Streams((StreamSpec("work", ("work.*",), DAY, 100_000, 2**30),))
    async with EmbeddedBus(tmp_path / "bus.db", clock, streams) as bus:
        await bus.publish([Message("work.a", b"", f"m{n}") for n in range(5000)])
        await bus.publish([Message("work.b", b"", "needle")])
        consumer = await bus.consumer(ConsumerSpec("work", "reader", ("work.b",)))
        assert [one.message.id for one in await consumer.fetch()] == ["needle"]


async def test_dead_letters_of_dead_letters_are_not_made(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))
        (delivery,) = await (await bus.consumer(SPEC)).fetch()
        async with bus.subscribe("dead.*") as live:
            await delivery.term("bad")
            assert (await anext(live)).subject == "dead.work"
        reader = await bus.consumer(ConsumerSpec("dead", "undertaker"))
        (letter,) = await reader.fetch()
        await letter.term("worse")
        assert await reader.lag() == Lag(0, 0)
        assert await bus.dead_letters("dead") == []


async def test_subscribers_lose_no_pattern_check(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        with pytest.raises(InputError):
            async with bus.subscribe("work.>.a"):
                raise AssertionError


async def test_the_file_is_for_its_owner_alone(tmp_path: Path, clock: ManualClock) -> None:
    async with _opened(tmp_path, clock) as bus:
        await bus.publish(_messages(1))
        modes = {name: os.stat(tmp_path / name).st_mode & 0o777 for name in os.listdir(tmp_path)}
        assert set(modes.values()) == {0o600}, modes
