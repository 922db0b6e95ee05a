import asyncio
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from nagare.client.inbox import Connected, Disconnected, Inbox, LiveEvent
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import Digests, ErrorFrame, EventFrame, Hello, HostFrame, Rows, Subscribed
from nagare.wire.problem import Problem

NOW = 1_760_000_000_000
HELLO = Connected(Hello("0.1.0", 1))


def _rows(host: str, value: float, *tables: str, missed: int = 0) -> Rows:
    return Rows(host, {table: {"x": [value]} for table in tables}, missed)


def _event(identity: str) -> EventFrame:
    return EventFrame(EventView(identity, 1, "web1", "note", 0, "test", "text", {}))


def _host(identity: str, state: str) -> HostFrame:
    return HostFrame(HostView(identity, identity, state, "", None, 5.0, "0.1.0", {}, {}))


async def _drain(inbox: Inbox) -> list[LiveEvent]:
    return [await inbox.get() for _ in range(len(inbox))]


async def test_what_is_read_at_once_comes_unchanged_and_in_order() -> None:
    inbox = Inbox()
    sent: list[LiveEvent] = [HELLO, Subscribed("a"), _rows("web1", 1, "cpu"), _event("e1"), _host("h1", "up")]
    for event in sent:
        inbox.put(event)
    assert await _drain(inbox) == sent


async def test_waiting_rows_of_a_host_are_merged_table_by_table_and_the_latest_wins() -> None:
    inbox = Inbox()
    inbox.put(_rows("web1", 1, "cpu", "disk", missed=2))
    inbox.put(_rows("web2", 5, "cpu"))
    inbox.put(_rows("web1", 2, "cpu"))
    first, second = await _drain(inbox)
    assert first == _rows("web2", 5, "cpu")
    assert second == Rows("web1", {"cpu": {"x": [2]}, "disk": {"x": [1]}}, 3)
    assert inbox.counters.get("frames_merged") == 1


async def test_the_last_state_of_the_connection_and_of_a_host_is_what_counts() -> None:
    inbox = Inbox()
    for event in (HELLO, Disconnected("gone", 1.0), _host("h1", "up"), _host("h1", "down"), HELLO):
        inbox.put(event)
    assert await _drain(inbox) == [_host("h1", "down"), HELLO]


async def test_a_flood_of_events_is_bounded_and_never_drops_the_connections_state() -> None:
    inbox = Inbox(limit=10)
    inbox.put(Disconnected("gone", 1.0))
    for number in range(100):
        inbox.put(_event(str(number)))
    waiting = await _drain(inbox)
    assert waiting[0] == Disconnected("gone", 1.0)
    assert waiting[1:] == [_event(str(number)) for number in range(91, 100)]
    assert inbox.counters.get("frames_dropped") == 91


async def test_a_reader_waits_for_what_comes() -> None:
    inbox = Inbox()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(inbox.get())
        await asyncio.sleep(0)
        inbox.put(HELLO)
    assert reading.result() == HELLO


_frames = st.one_of(
    st.builds(_rows, st.sampled_from(["a", "b", "c"]), st.floats(0, 9), st.sampled_from(["cpu", "disk"])),
    st.builds(_event, st.text(max_size=2)),
    st.builds(_host, st.sampled_from(["h1", "h2"]), st.sampled_from(["up", "down"])),
    st.builds(Subscribed, st.text(max_size=1)),
    st.just(HELLO),
    st.builds(Disconnected, st.text(max_size=3), st.just(1.0)),
    st.builds(lambda code: ErrorFrame(Problem("x", "x", 400, code=code)), st.sampled_from(["a", "b"])),
    st.just(Hello("0.1.0", 2)),
)


@given(st.lists(_frames, max_size=60), st.integers(2, 8))
async def test_it_never_grows_and_keeps_the_newest_row_of_every_table(frames: list[LiveEvent], limit: int) -> None:
    inbox = Inbox(limit=limit)
    for frame in frames:
        inbox.put(frame)
        assert len(inbox) <= limit
    waiting = await _drain(inbox)
    if frames:
        last = frames[-1]
        match last:
            case Rows():
                merged = next(one for one in waiting if isinstance(one, Rows) and one.host == last.host)
                assert merged.tables.items() >= last.tables.items()
            case _:
                assert last in waiting


def _digests(values: Mapping[str, float | None], missed: int = 0) -> Digests:
    hosts = list(values)
    return Digests(hosts, [NOW] * len(hosts), [0] * len(hosts), {"cpu.busy": list(values.values())}, {}, missed)


async def test_digests_that_wait_become_one_with_the_newest_of_each_host() -> None:
    inbox = Inbox()
    inbox.put(
        Digests(["a", "b"], [1, 2], [10, 20], {"cpu.busy": [0.1, 0.2]}, {"a": [("warn", "x")], "b": [("crit", "y")]})
    )
    inbox.put(Digests(["b", "c"], [3, 4], [30, 40], {"cpu.busy": [0.3, None]}, {"c": [("warn", "z")]}, 5))
    assert await _drain(inbox) == [
        Digests(
            ["a", "b", "c"], [1, 3, 4], [10, 30, 40], {"cpu.busy": [0.1, 0.3, None]}, {"a": [("warn", "x")], "c": [("warn", "z")]}, 6
        )
    ]  # fmt: skip
    assert inbox.counters.get("frames_merged") == 1


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1) | st.none()), min_size=1, max_size=6))
async def test_merged_digests_tell_the_last_of_each_host(frames: list[dict[str, float | None]]) -> None:
    inbox = Inbox()
    for values in frames:
        inbox.put(_digests(values))
    (merged,) = await _drain(inbox)
    assert isinstance(merged, Digests)
    last: dict[str, float | None] = {}
    for values in frames:
        last.update(values)
    assert dict(zip(merged.hosts, merged.values["cpu.busy"], strict=True)) == last
    assert merged.missed == sum(map(len, frames)) - len(last)
