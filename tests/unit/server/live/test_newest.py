from nagare.server.live.newest import NewestBatches
from nagare.wire.batch import Batch

NOW = 1_760_000_000_000
HOUR = 3_600_000


def _batch(boot: str, seq: int, newest_ms: int, host: str = "web1") -> Batch:
    return Batch(
        v=1, host=host, boot=boot, seq=seq, tables={"cpu": {"ts": [newest_ms - 5, newest_ms]}, "unit": {"ts": []}}
    )


def test_a_spool_that_drains_backwards_is_not_live() -> None:
    newest = NewestBatches()
    assert newest.is_newest(_batch("a", 10, NOW), NOW)
    assert not newest.is_newest(_batch("a", 9, NOW - 5000), NOW)
    assert not newest.is_newest(_batch("a", 10, NOW), NOW)
    assert newest.is_newest(_batch("a", 11, NOW + 5000), NOW + 5000)


def test_the_spool_of_an_earlier_boot_is_not_live() -> None:
    newest = NewestBatches()
    assert newest.is_newest(_batch("b", 1, NOW), NOW)
    assert not newest.is_newest(_batch("a", 99, NOW - HOUR), NOW)
    assert newest.is_newest(_batch("b", 2, NOW + 1), NOW)


def test_a_new_boot_is_live_even_if_the_clock_was_set_back() -> None:
    newest = NewestBatches()
    assert newest.is_newest(_batch("a", 1, NOW + HOUR), NOW)
    assert newest.is_newest(_batch("b", 1, NOW), NOW)


def test_a_wrong_clock_is_live_as_long_as_it_counts_on() -> None:
    newest = NewestBatches()
    assert newest.is_newest(_batch("a", 1, NOW - 5 * HOUR), NOW)
    assert newest.is_newest(_batch("a", 2, NOW - 5 * HOUR - 10), NOW)


def test_hosts_are_apart_and_can_be_forgotten() -> None:
    newest = NewestBatches()
    assert newest.is_newest(_batch("a", 5, NOW, "web1"), NOW)
    assert newest.is_newest(_batch("a", 1, NOW, "web2"), NOW)
    newest.forget("web1")
    newest.forget("web3")
    assert newest.is_newest(_batch("a", 1, NOW - HOUR, "web1"), NOW)


def test_a_batch_without_stamps_is_no_fault() -> None:
    newest = NewestBatches()
    assert newest.is_newest(Batch(v=1, host="web1", boot="a", seq=1, tables={"cpu": {}}), NOW)
