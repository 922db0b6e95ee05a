"""Rings of live output: what is kept, what is dropped and counted, and how followers go on."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.commands.feeds import RING_BYTES, Feed, Feeds, Follower
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.wire.commands import OutputChunk

ID = "00000000-0000-0000-0000-000000000001"


def _feeds() -> Feeds:
    return Feeds(ManualClock(), Counters())


def _all(feed: Feed, follower: Follower) -> list[str]:
    texts: list[str] = []
    while taken := feed.take(follower):
        texts += [piece.text if piece else f"<{command_id}>" for _, command_id, piece in taken]
    return texts


def test_characters_that_are_cut_in_two_come_whole() -> None:
    feeds = _feeds()
    follower = feeds.follow("job", 0, "")
    content = "grün 流れ\r\n\x1b[2J\tx".encode()
    for offset in range(len(content)):
        feeds.add("job", OutputChunk(ID, "stdout", offset, content[offset : offset + 1]))
    told = "".join(_all(feeds.open("job"), follower))
    assert told == "grün 流れ\n␛[2J    x"


def test_a_gap_is_seen_and_joins_nothing() -> None:
    feeds = _feeds()
    follower = feeds.follow("job", 0, "")
    feeds.add("job", OutputChunk(ID, "stdout", 0, "ü".encode()[:1]))
    feeds.add("job", OutputChunk(ID, "stdout", 100, b"after"))
    pieces = [piece for _, _, piece in feeds.open("job").take(follower) if piece]
    assert [(piece.offset, piece.text) for piece in pieces] == [(0, ""), (100, "after")]


def test_a_full_ring_drops_its_oldest_and_counts_what_a_follower_lost() -> None:
    counters = Counters()
    feeds = Feeds(ManualClock(), counters)
    chunk = 2**14
    for number in range(RING_BYTES // chunk + 4):
        feeds.add("job", OutputChunk(ID, "stdout", number * chunk, b"x" * chunk))
    assert counters.get("follower_bytes_dropped") == 0, "nobody followed"
    follower = feeds.follow("job", 0, "")
    feeds.add("job", OutputChunk(ID, "stdout", 100 * chunk, b"y" * chunk))
    assert counters.get("follower_bytes_dropped") == chunk
    assert len(_all(feeds.open("job"), follower)) == RING_BYTES // chunk


def test_states_are_told_once_and_in_order() -> None:
    feeds = _feeds()
    follower = feeds.follow("job", 0, "p1")
    feeds.changed("job", ["a"])
    feeds.add("job", OutputChunk(ID, "stdout", 0, b"out"))
    feeds.changed("job", ["a"])
    assert follower.news.is_set()
    assert _all(feeds.open("job"), follower) == ["out", "<a>"]
    assert _all(feeds.open("job"), follower) == []
    feeds.end_principals({"p2"})
    assert not follower.ending
    feeds.end_principals({"p1"})
    assert follower.ending


def test_sequences_go_on_over_a_restart() -> None:
    clock = ManualClock()
    seqs = []
    for _ in range(2):
        feeds = Feeds(clock, Counters())
        follower = feeds.follow("job", 0, "")
        feeds.changed("job", ["a", "b"])
        seqs += [seq for seq, _, _ in feeds.open("job").take(follower)]
        clock._elapsed += 1
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize("has_follower", [True, False])
def test_a_feed_goes_with_the_last_who_needs_it(has_follower: bool) -> None:
    feeds = _feeds()
    feeds.add("job", OutputChunk(ID, "stdout", 0, b"out"))
    follower = feeds.follow("job", 0, "")
    if not has_follower:
        feeds.unfollow("job", follower, is_over=False)
    feeds.close("job")
    assert bool(feeds._feeds) is has_follower
    feeds.unfollow("job", follower, is_over=True)
    assert (feeds._feeds, feeds._size, len(feeds)) == ({}, 0, 0)


@given(st.lists(st.tuples(st.sampled_from(["state", "output", "take"]), st.integers(0, 4)), max_size=60))
def test_whoever_follows_is_told_the_last_state_and_all_output_in_order(steps: list[tuple[str, int]]) -> None:
    feeds = _feeds()
    quick, slow = feeds.follow("job", 0, ""), feeds.follow("job", 0, "")
    feed = feeds.open("job")
    said, told = [], list[tuple[int, str, bool]]()
    for step, number in steps:
        if step == "take":
            told += [(seq, id_, piece is None) for seq, id_, piece in feed.take(quick)]
        elif step == "state":
            feeds.changed("job", [f"{number}"])
            said.append((feed.last_seq, f"{number}", True))
        else:
            feeds.add("job", OutputChunk(f"{number}", "stdout", 0, b"x"))
            said.append((feed.last_seq, f"{number}", False))
    told += [(seq, id_, piece is None) for seq, id_, piece in feed.take(quick)]
    # A state that changed again before anybody looked is told once, as it is then.
    last = {id_: seq for seq, id_, is_state in said if is_state}
    assert set(told) <= set(said)
    assert told == sorted(told)
    due = [entry for entry in said if not entry[2] or last[entry[1]] == entry[0]]
    assert set(due) <= set(told)
    assert [(seq, id_, piece is None) for seq, id_, piece in feed.take(slow)] == due


def _take_seconds(count: int) -> float:
    """Return the CPU seconds of a follower who is told 500 changes, one by one, of a job on ``count`` hosts."""
    feeds = _feeds()
    follower = feeds.follow("job", 0, "")
    feed = feeds.open("job")
    for number in range(count):
        feeds.changed("job", [f"{number}"])
        feeds.add("job", OutputChunk(f"{number}", "stdout", 0, b"x"))
    _all(feed, follower)
    begun = time.process_time()
    for number in range(500):
        feeds.changed("job", [f"{number % count}"])
        assert len(feed.take(follower)) == 1
    return time.process_time() - begun


def test_what_is_told_costs_the_same_on_a_few_hosts_and_on_thousands() -> None:
    assert min(_take_seconds(4000) for _ in range(3)) < 10 * min(_take_seconds(4) for _ in range(3))
