"""The names of what was stored, across seals and what the catalog holds."""

from nagare.metrics.wal.seen import Seen, SeqRow
from nagare.wire.metric_log import LogRecord


def _record(seq: int, at_ms: int = 0, **fields: object) -> LogRecord:
    given: dict[str, object] = {"host": "web1", "boot": "b", "replaces": [], "tables": {}} | fields
    return LogRecord(received_ms=at_ms, seq=seq, **given)  # type: ignore[arg-type]


def test_batches_and_what_they_replace_are_known() -> None:
    seen = Seen([SeqRow("web1", "b", 1, 3, 5)], lambda _: False)
    seen.add(_record(7, replaces=[5]))
    assert [seq for seq in range(9) if seen.has_batch("web1", "b", seq)] == [1, 2, 3, 5, 7]
    assert not seen.has_batch("web2", "b", 1)
    assert not seen.has_batch("web1", "c", 1)


def test_a_seal_gives_every_interval_of_the_boots_that_changed() -> None:
    seen = Seen([SeqRow("web1", "b", 1, 3, 5), SeqRow("web2", "b", 1, 1, 5)], lambda _: False)
    seen.add(_record(5, at_ms=9))
    changes = seen.seal()
    assert changes.boots == (("web1", "b"),)
    assert changes.rows == (SeqRow("web1", "b", 1, 3, 9), SeqRow("web1", "b", 5, 5, 9))
    assert seen.seal().rows == ()


def test_event_ids_are_known_before_during_and_after_a_seal() -> None:
    catalog: set[str] = {"old"}
    seen = Seen([], catalog.__contains__)
    seen.add(_record(0, boot="", event_ids=["new"], at_ms=3))
    assert [seen.has_event(name) for name in ("old", "new", "other")] == [True, True, False]
    changes = seen.seal()
    assert changes.event_ids == (("new", 3),)
    assert seen.has_event("new")
    catalog.add("new")
    seen.confirm()
    assert seen.has_event("new")
    assert seen.seal().event_ids == ()


def test_boots_silent_for_longer_than_retention_are_forgotten() -> None:
    seen = Seen([SeqRow("web1", "old", 1, 9, 10), SeqRow("web1", "new", 1, 9, 30)], lambda _: False)
    assert seen.forget_before(20) == 1
    assert not seen.has_batch("web1", "old", 1)
    assert seen.has_batch("web1", "new", 1)
