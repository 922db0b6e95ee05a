"""The outbox of a live connection: latest wins, everything bounded, every loss counted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.counters import Counters
from nagare.server.live import outbox as module
from nagare.server.live.outbox import Outbox, Parcel
from nagare.wire.batch import Cell
from nagare.wire.codec import decode_any, encode
from nagare.wire.live import Rows
from nagare.wire.live_codec import decode_server_frame


def _parcel(host: str, number: int, *tables: str) -> Parcel:
    return Parcel(host, {table: {"ts": [number]} for table in tables})


def _put(outbox: Outbox, parcel: Parcel) -> None:
    outbox.put_rows(parcel, tuple(parcel.names))


def _drain(outbox: Outbox) -> list[dict[str, Any]]:
    frames = []
    while outbox:
        frames.append(decode_any(outbox.take()))
    return frames


def test_rows_are_replaced_by_newer_ones_of_the_same_host_and_table() -> None:
    counters = Counters()
    outbox = Outbox(8, counters)
    _put(outbox, _parcel("a", 1, "cpu", "memory"))
    _put(outbox, _parcel("b", 1, "cpu"))
    _put(outbox, _parcel("a", 2, "cpu"))
    _put(outbox, _parcel("a", 3, "cpu"))
    assert _drain(outbox) == [
        {"op": "rows", "host": "a", "tables": {"cpu": {"ts": [3]}, "memory": {"ts": [1]}}, "missed": 2},
        {"op": "rows", "host": "b", "tables": {"cpu": {"ts": [1]}}, "missed": 0},
    ]
    assert counters.get("frames_dropped") == 2


def test_missed_is_told_once() -> None:
    outbox = Outbox(8, Counters())
    for number in range(3):
        _put(outbox, _parcel("a", number, "cpu"))
    assert _drain(outbox)[0]["missed"] == 2
    _put(outbox, _parcel("a", 4, "cpu"))
    assert _drain(outbox)[0]["missed"] == 0


def test_other_frames_keep_their_order_and_the_oldest_goes() -> None:
    counters = Counters()
    outbox = Outbox(4, counters)
    for number in range(6):
        outbox.put_frame(encode({"n": number}))
    assert [frame["n"] for frame in _drain(outbox)] == [2, 3, 4, 5]
    assert counters.get("frames_dropped") == 2


def test_frames_go_before_rows() -> None:
    outbox = Outbox(4, Counters())
    _put(outbox, _parcel("a", 1, "cpu"))
    outbox.put_frame(b'{"op":"event"}')
    assert [frame["op"] for frame in _drain(outbox)] == ["event", "rows"]


def test_too_many_bytes_cost_the_host_that_waits_longest() -> None:
    counters = Counters()
    outbox = Outbox(4, counters)
    big: dict[str, list[Cell]] = {"text": ["x" * (module._ROWS_LIMIT_BYTES // 2 - 100)]}
    for host in ("a", "b", "c"):
        outbox.put_rows(Parcel(host, {"t": big}), ("t",))
    assert [frame["host"] for frame in _drain(outbox)] == ["b", "c"]
    assert counters.get("frames_dropped") == 1
    assert outbox._rows_bytes == 0
    _put(outbox, _parcel("a", 1, "cpu"))
    assert _drain(outbox)[0]["missed"] == 1


def test_forgetting_leaves_nothing() -> None:
    outbox = Outbox(4, Counters())
    _put(outbox, _parcel("a", 1, "cpu"))
    outbox.forget_rows()
    assert not outbox
    assert outbox._rows_bytes == 0


def test_a_selection_is_encoded_once_for_all() -> None:
    parcel = _parcel("a", 1, "cpu", "memory")
    assert parcel.frame(("cpu",)) is parcel.frame(("cpu",))
    first, second = Outbox(4, Counters()), Outbox(4, Counters())
    for outbox in (first, second):
        outbox.put_rows(parcel, ("cpu",))
    assert first.take() is second.take()


@given(
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.dictionaries(
        st.text(max_size=8),
        st.dictionaries(
            st.text(max_size=8),
            st.lists(st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=8), max_size=3),
            max_size=3,
        ),
        max_size=3,
    ),
)
def test_joined_fragments_read_as_a_frame(host: str, tables: dict[str, dict[str, list[Cell]]]) -> None:
    frame = Parcel(host, tables).frame(tuple(tables))
    assert decode_server_frame(frame) == Rows(host, tables, 0)
    assert decode_any(frame) == decode_any(encode(Rows(host, tables, 0)))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sets(st.sampled_from(["cpu", "memory"]), min_size=1), st.booleans()),
        max_size=40,
    )
)
def test_the_latest_of_each_table_arrives_and_losses_add_up(steps: list[tuple[str, set[str], bool]]) -> None:
    counters = Counters()
    outbox = Outbox(4, counters)
    sent: dict[tuple[str, str], int] = {}
    seen: dict[tuple[str, str], int] = {}
    missed = 0
    for number, (host, tables, takes) in enumerate(steps):
        _put(outbox, _parcel(host, number, *sorted(tables)))
        sent.update({(host, table): number for table in tables})
        if takes:
            missed += _note(seen, decode_any(outbox.take()))
    for frame in _drain(outbox):
        missed += _note(seen, frame)
    assert seen == sent
    assert missed == counters.get("frames_dropped")
    assert outbox._rows_bytes == 0


def _note(seen: dict[tuple[str, str], int], frame: dict[str, Any]) -> int:
    for table, columns in frame["tables"].items():
        assert seen.get((frame["host"], table), -1) < columns["ts"][0]
        seen[frame["host"], table] = columns["ts"][0]
    return int(frame["missed"])
