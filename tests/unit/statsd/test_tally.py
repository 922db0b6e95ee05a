"""What lines become: totals, last values, spreads and numbers of members."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.interop.statsd import parse_datagram
from nagare.statsd import tally as tally_module
from nagare.statsd.tally import VALUES_LIMIT, Tally
from tests.support.interned import Interned

TS = 1_760_000_000_000


class Tallied:
    """A tally, and what it says as plain values."""

    def __init__(self, **settings: Any) -> None:
        self.interned = Interned(settings.pop("room", 10**6))
        given: dict[str, Any] = {"labels": {}, "limit": 1000, "idle_intervals": 3, "random": Random(7)} | settings
        self.tally = Tally(self.interned, **given)
        self.types: dict[str, str] = {}
        self.ts = TS

    def add(self, *lines: str) -> None:
        for line in parse_datagram("\n".join(lines).encode()).lines:
            self.tally.add(line)

    def flush(self) -> dict[str, float]:
        self.ts += 10_000
        flushed = self.tally.flush(self.ts)
        self.types |= {told.name: told.type for told in flushed.metadata}
        told = self.interned.told(flushed.samples)
        assert {ts for _, _, ts, _ in told} <= {self.ts}
        return {_text(name, labels): value for name, labels, _, value in told}


def _text(name: str, labels: dict[str, str]) -> str:
    return name + "".join(f" {key}={value}" for key, value in sorted(labels.items()))


def test_counts_grow_over_intervals_and_samples_stand_for_what_was_not_sent() -> None:
    tallied = Tallied()
    tallied.add("hits:3|c", "hits:1|c|@0.1", "jobs_total:1|c")
    assert tallied.flush() == {"hits_total": 13.0, "jobs_total": 1.0}
    tallied.add("hits:2|c")
    assert tallied.flush() == {"hits_total": 15.0, "jobs_total": 1.0}
    assert tallied.types == {"hits_total": "counter", "jobs_total": "counter"}


def test_a_gauge_keeps_its_value_and_moves_by_what_has_a_sign() -> None:
    tallied = Tallied()
    tallied.add("room:20|g", "room:+5|g", "room:-1.5|g", "cold:-3|g")
    assert tallied.flush() == {"room": 23.5, "cold": -3.0}
    assert tallied.flush() == {"room": 23.5, "cold": -3.0}


def test_a_set_counts_different_members_of_one_interval() -> None:
    tallied = Tallied()
    tallied.add("users:ann|s", "users:bob|s", "users:ann|s")
    assert tallied.flush() == {"users_unique": 2.0}
    tallied.add("users:ann|s")
    assert tallied.flush() == {"users_unique": 1.0}
    assert tallied.flush() == {"users_unique": 0.0}


def test_a_timing_tells_totals_and_the_interval_s_spread() -> None:
    tallied = Tallied()
    tallied.add(*(f"t:{value}|ms" for value in range(1, 101)))
    assert tallied.flush() == {
        "t_count": 100.0, "t_sum": 5050.0, "t_min": 1.0, "t_max": 100.0, "t_mean": 50.5,
        "t_p50": 50.0, "t_p90": 90.0, "t_p95": 95.0, "t_p99": 99.0,
    }  # fmt: skip
    # Nothing to say of an interval without values, but totals go on.
    assert tallied.flush() == {"t_count": 100.0, "t_sum": 5050.0}
    tallied.add("t:7|h|@0.5")
    assert tallied.flush() == {
        "t_count": 102.0, "t_sum": 5064.0, "t_min": 7.0, "t_max": 7.0, "t_mean": 7.0,
        "t_p50": 7.0, "t_p90": 7.0, "t_p95": 7.0, "t_p99": 7.0,
    }  # fmt: skip
    assert tallied.types["t_count"] == "counter"
    assert tallied.types["t_p99"] == "gauge"


def test_tags_are_labels_and_win_over_those_of_the_settings() -> None:
    tallied = Tallied(labels={"host": "web1", "env": "prod"})
    tallied.add("a:1|c|#env:test", "a:1|c", "a:1|g|#env:test")
    assert tallied.flush() == {
        "a_total env=test host=web1": 1.0,
        "a_total env=prod host=web1": 1.0,
        "a env=test host=web1": 1.0,
    }


def test_what_falls_silent_ends_with_a_mark_once() -> None:
    tallied = Tallied(idle_intervals=2)
    tallied.add("a:1|c", "b:1|g")
    assert set(tallied.flush()) == {"a_total", "b"}
    tallied.add("b:2|g")
    assert set(tallied.flush()) == {"a_total", "b"}
    ended = tallied.flush()
    assert math.isnan(ended["a_total"])
    assert ended["b"] == 2.0
    assert math.isnan(tallied.flush()["b"])
    assert tallied.flush() == {}
    assert len(tallied.tally) == 0


def test_names_past_the_limit_are_dropped_and_counted() -> None:
    tallied = Tallied(limit=2)
    tallied.add("a:1|c", "b:1|c", "c:1|c", "c:1|c", "a:1|c")
    assert tallied.flush() == {"a_total": 2.0, "b_total": 1.0}
    assert tallied.tally.drops.lines == 2


def test_series_that_the_store_refuses_take_no_room() -> None:
    tallied = Tallied(room=2)
    tallied.add("a:1|c", "t:1|ms", "b:1|c")
    assert len(tallied.tally) == 1
    assert tallied.tally.drops.lines == 2


def test_members_of_all_sets_have_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "MEMBERS_LIMIT", 3)
    tallied = Tallied()
    tallied.add("a:1|s", "a:2|s", "b:1|s", "b:2|s", "a:1|s")
    assert tallied.flush() == {"a_unique": 2.0, "b_unique": 1.0}
    assert tallied.tally.drops.members == 1
    tallied.add("b:2|s")
    assert tallied.flush()["b_unique"] == 1.0


def test_percentiles_of_many_values_are_near() -> None:
    tallied = Tallied()
    tallied.add(*(f"t:{value}|ms" for value in range(20 * VALUES_LIMIT)))
    told = tallied.flush()
    assert (told["t_count"], told["t_min"], told["t_max"]) == (20_000.0, 0.0, 19_999.0)
    for name, ratio in tally_module.PERCENTILES.items():
        assert abs(told[f"t_{name}"] / 20_000 - ratio) < 0.06, name


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_percentiles_are_values_that_were_sent(values: list[float]) -> None:
    tallied = Tallied()
    tallied.add(*(f"t:{value!r}|ms" for value in values))
    told = tallied.flush()
    ordered = sorted(values)
    for name, ratio in tally_module.PERCENTILES.items():
        # Nearest rank: the least value that so many do not exceed.
        expected = next(v for v in ordered if sum(other <= v for other in ordered) >= ratio * len(ordered))
        assert told[f"t_{name}"] == expected
