"""The state behind the screens, driven with the wire's own frames."""

import math
import random
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nagare.model.health import Level
from nagare.model.host_digest import HostDigest
from nagare.model.host_rows import split_moments
from nagare.model.host_series import CURVE_SERIES, LIST_SERIES
from nagare.tui.live_model import Connection, LiveModel, Phase
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import Digests, EventFrame, HostFrame, Rows
from tests.tui.fleet import frame_of

NOW = 1_760_000_000_000


def _view(name: str, seen: str | None = None, interval: float = 5.0) -> HostView:
    return HostView(f"id-{name}", name, "up", "2025-01-01T00:00:00Z", seen, interval, "0.1.0", {"role": "db"}, {})


def _cpu(name: str, ts: int, busy: float) -> Rows:
    columns: dict[str, list[Any]] = {"ts": [ts, ts], "core": ["all", "0"], "busy_ratio": [busy, 1.0]}
    return Rows(host=name, tables={"cpu": columns})


def _event(number: int, ts: int) -> EventView:
    return EventView(str(number), ts, "a", "note", 0, "me", "text", {})


def _settled(model: LiveModel, now_ms: int) -> dict[str, Level]:
    model.settle(now_ms)
    return {name: host.level for name, host in model.hosts.items()}


def test_rows_make_hosts_values_and_curves() -> None:
    model = LiveModel()
    model.apply(_cpu("a", NOW, 0.25), NOW + 10)
    host = model.hosts["a"]
    assert host.value("cpu.busy") == 0.25
    assert host.columns("cpu")["core"] == ["all", "0"]
    assert host.ring("cpu.busy").points()[1].tolist() == [0.25]
    assert math.isnan(host.value("memory.used"))
    assert math.isnan(host.value("load.cores"))
    assert model.take_changes().hosts == {"a"}
    assert not model.take_changes()


def test_a_frame_of_several_moments_leaves_the_newest_and_a_curve() -> None:
    model = LiveModel()
    columns: dict[str, list[Any]] = {
        "ts": [NOW, NOW - 5000, NOW - 10000],
        "core": ["all"] * 3,
        "busy_ratio": [0.3, 0.2, 0.1],
    }
    model.apply(Rows(host="a", tables={"cpu": columns}), NOW)
    assert model.hosts["a"].columns("cpu")["busy_ratio"] == [0.3]
    assert model.hosts["a"].ring("cpu.busy").points()[1].tolist() == [0.1, 0.2, 0.3]


def test_a_backlog_does_not_turn_time_back() -> None:
    model = LiveModel()
    model.apply(_cpu("a", NOW, 0.9), NOW)
    model.apply(_cpu("a", NOW - 60_000, 0.1), NOW)
    assert model.hosts["a"].value("cpu.busy") == 0.9


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=2)), max_size=20))
def test_moments_part_rows_without_losing_one(rows: list[tuple[int, str]]) -> None:
    columns: dict[str, list[Any]] = {"ts": [ts for ts, _ in rows], "name": [name for _, name in rows]}
    moments = split_moments(columns)
    assert [ts for ts, _ in moments] == sorted({ts for ts, _ in rows})
    parted = [(ts, name) for ts, held in moments for name in held["name"]]
    assert sorted(parted) == sorted((ts, str(name)) for ts, name in rows)


def test_collectors_report_at_moments_of_their_own() -> None:
    model = LiveModel()
    model.apply(Rows(host="a", tables={"agent": {"ts": [NOW], "collector": ["cpu"], "ok": [True]}}), NOW)
    late: dict[str, list[Any]] = {"ts": [NOW + 5], "collector": ["smart"], "ok": [False], "error": ["absent"]}
    model.apply(Rows(host="a", tables={"agent": late}), NOW)
    assert model.hosts["a"].columns("agent")["collector"] == ["cpu", "smart"]
    assert model.hosts["a"].columns("agent")["error"] == [None, "absent"]
    assert [reason.text for reason in model.hosts["a"].reasons] == ["collector smart: absent"]
    well: dict[str, list[Any]] = {"ts": [NOW + 9], "collector": ["smart"], "ok": [True]}
    model.apply(Rows(host="a", tables={"agent": well}), NOW)
    assert model.hosts["a"].reasons == ()


def test_silence_makes_hosts_stale_then_down_and_a_word_brings_them_back() -> None:
    model = LiveModel()
    model.put_host(_view("never"), NOW)
    model.put_host(_view("late", "2025-10-09T08:53:00Z"), NOW)
    model.apply(_cpu("a", NOW, 0.1), NOW)
    assert _settled(model, NOW) == {"never": Level.UNKNOWN, "late": Level.STALE, "a": Level.UP}
    assert _settled(model, NOW + 16_000)["a"] is Level.STALE
    assert _settled(model, NOW + 61_000)["a"] is Level.DOWN
    assert model.hosts["a"].level_since_ms == NOW + 61_000
    model.apply(_cpu("a", NOW + 62_000, 0.1), NOW + 62_000)
    assert _settled(model, NOW + 62_000)["a"] is Level.UP
    assert [host.name for host in model.by_urgency()] == ["late", "never", "a"]
    assert model.counts()[Level.UP] == 1


def test_while_nothing_can_be_heard_nobody_is_called_up_or_down() -> None:
    model = LiveModel()
    model.apply(_cpu("a", NOW, 0.1), NOW)
    model.put_host(_view("never"), NOW)
    model.settle(NOW)
    model.set_connection(Connection(Phase.LOST, NOW))
    assert _settled(model, NOW + 600_000) == {"a": Level.STALE, "never": Level.UNKNOWN}
    model.set_connection(Connection(Phase.ONLINE, NOW + 600_000))
    assert _settled(model, NOW + 600_000)["a"] is Level.DOWN


def test_half_a_minute_of_full_cores_deserves_a_look_and_a_burst_does_not() -> None:
    model = LiveModel()
    for step in range(4):
        model.apply(_cpu("a", NOW + step * 5000, 1.0), NOW + step * 5000)
    assert not model.hosts["a"].reasons
    for step in range(4, 8):
        model.apply(_cpu("a", NOW + step * 5000, 1.0), NOW + step * 5000)
    assert [reason.text for reason in model.hosts["a"].reasons] == ["cpu 100% busy"]


def test_events_stand_once_newest_first_and_bounded() -> None:
    model = LiveModel()
    model.add_events([_event(1, NOW), _event(2, NOW + 1)])
    model.apply(EventFrame(_event(2, NOW + 1)), NOW)
    model.apply(EventFrame(_event(3, NOW - 1)), NOW)
    assert [event.id for event in model.events] == ["2", "1", "3"]
    many = [_event(number, NOW + number) for number in range(10, 900)]
    random.Random(1).shuffle(many)
    model.add_events(many)
    assert len(model.events) == 500
    assert model.events[0].id == "899"


def test_hosts_come_and_go_with_their_frames() -> None:
    model = LiveModel()
    model.apply(HostFrame(_view("a")), NOW)
    model.apply(HostFrame(_view("b")), NOW)
    model.apply(HostFrame(_view("a"), removed=True), NOW)
    assert list(model.hosts) == ["b"]
    model.keep_only([])
    assert model.hosts == {}


def test_a_seed_lies_under_what_came_since() -> None:
    model = LiveModel()
    model.apply(_cpu("a", NOW, 0.9), NOW)
    past = np.array([NOW - 10_000, NOW - 5_000, NOW + 5_000]), np.array([0.1, 0.2, 0.3])
    model.seed({"a": {"cpu.busy": past, "load.1": (np.array([NOW]), np.array([2.5]))}, "unknown": {"cpu.busy": past}})
    assert model.hosts["a"].ring("cpu.busy").points()[1].tolist() == [0.1, 0.2, 0.9]
    assert model.hosts["a"].value("cpu.busy") == 0.9
    assert model.hosts["a"].value("load.1") == 2.5


def test_the_fleet_has_means_and_sums_of_those_who_speak() -> None:
    model = LiveModel()
    for name, busy, received in (("a", 0.2, 100.0), ("b", 0.6, 50.0)):
        network: dict[str, list[Any]] = {
            "ts": [NOW],
            "interface": ["eth0"],
            "received_bytes_per_second": [received],
            "primary": [True],
        }
        model.apply(Rows(host=name, tables={**_cpu(name, NOW, busy).tables, "network": network}), NOW)
    model.put_host(_view("silent"), NOW)
    model.settle(NOW)
    model.sample_fleet(NOW)
    assert model.fleet_ring("cpu.busy").points()[1].tolist() == [0.4]
    assert model.fleet_ring("cpu.busy.max").points()[1].tolist() == [0.6]
    assert model.fleet_ring("net.in").points()[1].tolist() == [150.0]


def test_rows_that_were_asked_for_never_replace_newer_ones() -> None:
    model = LiveModel()
    host = model.put_host(_view("a"), NOW)
    model.put_latest(host, "cpu", {"core": ["old"]})
    model.apply(_cpu("a", NOW, 0.5), NOW)
    model.put_latest(host, "cpu", {"core": ["late"]})
    assert host.columns("cpu")["core"] == ["all", "0"]


def test_only_the_watched_host_keeps_every_curve() -> None:
    model = LiveModel()
    model.watched = "a"
    load: dict[str, list[Any]] = {"ts": [NOW], "load1": [1.0], "load5": [1.0], "load15": [1.0], "cores": [4]}
    for name in ("a", "b"):
        model.apply(Rows(host=name, tables={"load": load}), NOW)
    assert len(model.hosts["a"].ring("load.1")) == 1
    assert len(model.hosts["b"].ring("load.1")) == 0


def _digests(*hosts: str, ts_ms: int = NOW, age_ms: int = 0, **values: float | None) -> Digests:
    """Return a frame in which all ``hosts`` say the same; an underline in a name stands for a dot."""
    told = {name.replace("_", "."): [value] * len(hosts) for name, value in values.items()}
    return Digests(list(hosts), [ts_ms] * len(hosts), [age_ms] * len(hosts), told)


def test_digests_make_hosts_values_and_the_curves_of_lists() -> None:
    model = LiveModel()
    model.apply(_digests("a", "b", cpu_busy=0.25, memory_used=None, net_in=7.0), NOW + 10)
    model.apply(_digests("a", ts_ms=NOW + 1000, cpu_busy=0.5, memory_used=0.1, net_in=8.0), NOW + 1010)
    host = model.hosts["a"]
    assert (host.value("cpu.busy"), host.value("memory.used")) == (0.5, 0.1)
    assert math.isnan(model.hosts["b"].value("memory.used"))
    assert host.ring("cpu.busy").points()[1].tolist() == [0.25, 0.5]
    assert host.ring("net.in").before() == 7.0
    assert host.oldest_ms == NOW
    assert model.take_changes().hosts == {"a", "b"}


def test_hosts_stand_in_the_order_in_which_they_were_told() -> None:
    model, names = LiveModel(), [f"h{number}" for number in range(50)]
    model.apply(_digests(*names, cpu_busy=0.25), NOW)
    assert list(model.hosts) == names


def test_a_digest_says_how_long_ago_its_host_was_heard() -> None:
    model = LiveModel()
    model.apply(_digests("a", age_ms=60_000, cpu_busy=0.1), NOW)
    assert model.hosts["a"].seen_ms == model.newest_ms == NOW - 60_000
    assert _settled(model, NOW) == {"a": Level.STALE}
    model.apply(_digests("a", age_ms=90_000, cpu_busy=0.1), NOW + 1000)
    assert model.hosts["a"].seen_ms == NOW - 60_000


def test_what_a_digest_finds_stands_until_its_next_one() -> None:
    model = LiveModel()
    found = msgspec.structs.replace(
        _digests("a", cpu_busy=0.1), reasons={"a": [("crit", "x"), ("of tomorrow", "y")]}, missed=3
    )
    model.apply(found, NOW)
    assert _settled(model, NOW) == {"a": Level.CRIT}
    assert [reason.text for reason in model.hosts["a"].reasons] == ["x"]
    assert model.missed_total == 3
    model.apply(_digests("a", ts_ms=NOW + 1000, cpu_busy=0.1), NOW + 1000)
    assert _settled(model, NOW + 1000) == {"a": Level.UP}


def test_a_host_that_is_looked_at_is_known_by_its_rows() -> None:
    model = LiveModel()
    model.watched = "a"
    model.apply(_cpu("a", NOW, 0.25), NOW)
    model.apply(_digests("a", ts_ms=NOW + 1000, cpu_busy=0.9), NOW + 1000)
    assert model.hosts["a"].value("cpu.busy") == 0.25
    assert model.hosts["a"].seen_ms == NOW + 1000


@given(st.lists(st.floats(0, 1), min_size=3, max_size=40))
def test_a_digest_tells_what_the_rows_would_have_told(busy: list[float]) -> None:
    by_rows, by_digests, digest = LiveModel(), LiveModel(), HostDigest()
    for number, value in enumerate(busy):
        at_ms = NOW + number * 5000
        rows = frame_of(
            "a", at_ms, tables={"cpu": {"core": ["all"], "busy_ratio": [value]}, "memory": {"used_ratio": [value]}}
        )
        by_rows.apply(rows, at_ms)
        digest.take(rows.tables)
        told: dict[str, list[float | None]] = {name: [digest.values.get(name)] for name in LIST_SERIES}
        reasons = {"a": [(reason.level.value, reason.text) for reason in digest.reasons]}
        by_digests.apply(Digests(["a"], [digest.ts_ms], [0], told, reasons), at_ms)
    one, other = by_rows.hosts["a"], by_digests.hosts["a"]
    for name in LIST_SERIES:
        assert one.value(name) == other.value(name) or (math.isnan(one.value(name)) and math.isnan(other.value(name)))
    assert one.reasons == other.reasons
    for name in CURVE_SERIES:
        assert [part.tolist() for part in one.ring(name).points()] == [
            part.tolist() for part in other.ring(name).points()
        ]


def test_a_host_that_invents_collectors_is_bounded() -> None:
    model = LiveModel()
    for number in range(400):
        columns: dict[str, list[Any]] = {"ts": [NOW + number], "collector": [f"c{number}"], "ok": [True]}
        model.apply(Rows(host="a", tables={"agent": columns}), NOW)
    held = model.hosts["a"].columns("agent")["collector"]
    assert len(held) == 256
    assert held[-1] == "c399"
