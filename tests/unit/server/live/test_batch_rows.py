from nagare.server.live.batch_rows import accepted_tables, events_of
from nagare.wire.batch import Batch, BatchReply, Cell, Refusal

BATCH = Batch(
    v=1,
    host="web1",
    boot="b",
    seq=1,
    tables={"cpu": {"ts": [1, 2, 3], "core": ["a", "b", "c"]}, "memory": {"ts": [1]}, "unit": {"ts": [], "name": []}},
)


def test_everything_accepted_is_passed_on_as_it_is() -> None:
    tables = accepted_tables(BATCH, BatchReply(4))
    assert tables == {"cpu": BATCH.tables["cpu"], "memory": BATCH.tables["memory"]}
    assert tables["cpu"] is BATCH.tables["cpu"]


def test_refused_rows_and_empty_tables_are_left_out() -> None:
    reply = BatchReply(
        2, refused=[Refusal("cpu", [0], "stale"), Refusal("cpu", [2], "future"), Refusal("memory", [0], "stale")]
    )
    assert accepted_tables(BATCH, reply) == {"cpu": {"ts": [2], "core": ["b"]}}


def test_events_are_read_with_whatever_columns_there_are() -> None:
    whole: dict[str, list[Cell]] = {
        "ts": [5],
        "id": ["e"],
        "kind": ["k"],
        "severity": [2],
        "source": ["agent"],
        "text": ["t"],
        "attributes": [{"a": "b"}],
    }
    (event,) = events_of("web1", {"events": whole})
    assert (event.id, event.ts, event.host, event.kind, event.severity) == ("e", 5, "web1", "k", 2)
    assert event.attributes == {"a": "b"}
    (bare,) = events_of("web1", {"events": {"ts": [5], "kind": [None], "attributes": [None], "severity": ["x"]}})
    assert (bare.id, bare.kind, bare.severity, bare.attributes) == ("", "", 0, {})
    assert list(events_of("web1", {"cpu": {"ts": [1]}})) == []
