"""Scores of many series: order, bounds, series that stop, and what outlasts a restart."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nagare.diagnosis.anomalies.intake import SeriesName
from nagare.diagnosis.anomalies.layouts import Layout, Rows
from nagare.diagnosis.anomalies.scores import Anomaly, Scores
from nagare.diagnosis.anomalies.state import load_state, save_state
from nagare.lib.counters import Counters

BEGIN_MS = 1_767_225_600_000
STEP_MS = 5000


def _name(host: str = "a", column: str = "load1") -> SeriesName:
    return SeriesName(host, "load", column)


def _value(at: int) -> float:
    return 60.0 if at == 150 else float(np.random.default_rng(at).normal(10, 1))


def _row(at: int, name: SeriesName | None = None, value: float | None = None) -> Rows:
    name = name or _name()
    return Rows(name.host, Layout([name]), [BEGIN_MS + STEP_MS * at], [_value(at) if value is None else value])


class _Box:
    def __init__(self, limit: int = 10) -> None:
        self.counters = Counters()
        self.scores = Scores(limit, 0.5, self.counters)

    def tick(self, at: int, *names: SeriesName) -> list[Anomaly]:
        return self.look([_row(at, name) for name in names], at)

    def look(self, rows: list[Rows], at: int) -> list[Anomaly]:
        now_ms = BEGIN_MS + STEP_MS * at
        return self.scores.take(rows, now_ms) + self.scores.find_stopped(now_ms)

    def ticks(self, begin: int, end: int, *names: SeriesName) -> Iterator[Anomaly]:
        for at in range(begin, end):
            yield from self.tick(at, *names)


def test_a_row_that_is_unlike_is_told_with_what_was_expected() -> None:
    box = _Box()
    (found,) = box.ticks(0, 200, _name())
    assert (found.name, found.ts_ms, found.value) == (_name(), BEGIN_MS + STEP_MS * 150, 60.0)
    assert found.score >= 0.5
    assert found.expected == pytest.approx(10, abs=0.5)


def test_rows_of_one_tick_are_taken_in_the_order_of_time_and_once() -> None:
    one, many = _Box(), _Box()
    expected = [*one.ticks(0, 200, _name())]
    rows = [_row(at) for at in range(200)]
    assert many.scores.take([*reversed(rows), *rows[:5]], BEGIN_MS) == expected
    assert many.scores.take(rows[3:50], BEGIN_MS) == []
    assert many.counters.get("anomaly_late_rows") == 5 + 47


def test_of_two_rows_of_a_moment_the_last_counts() -> None:
    box, layout = _Box(), Layout([_name(), _name("a", "load5")])
    box.scores.take(
        [Rows("a", layout, [BEGIN_MS] * 2, [1.0, 7.0]), Rows("a", layout, [BEGIN_MS] * 2, [2.0, 8.0])], BEGIN_MS
    )
    assert sorted(box.scores.detector.means[:2].tolist()) == [2.0, 8.0]


def test_what_is_no_number_is_no_row_and_takes_no_place() -> None:
    box, layout = _Box(), Layout([_name(), _name("a", "load5"), _name("a", "cores")])
    assert box.look([Rows("a", layout, [BEGIN_MS] * 3, [None, "x", float("inf")])], 0) == []
    assert len(box.scores) == 0
    box.look([Rows("a", layout, [BEGIN_MS] * 3, [1.0, None, 3])], 0)
    assert sorted(filter(None, box.scores.names)) == [_name("a", "cores"), _name()]


def test_a_layout_is_no_longer_believed_when_places_were_given_up() -> None:
    box, first, second = _Box(limit=1), Layout([_name("a")]), Layout([_name("b")])
    for at, layout in ((0, first), (200, second), (400, first), (401, second)):
        box.look([Rows(layout.names[0].host, layout, [BEGIN_MS + STEP_MS * at], [1.0])], at)
    assert [one for one in box.scores.names if one] == [_name("a")]
    assert box.counters.get("anomaly_series_refused") == 1


def test_more_series_than_have_a_place_are_counted() -> None:
    box = _Box(limit=3)
    names = [_name(str(number)) for number in range(5)]
    box.tick(0, *names)
    assert len(box.scores) == 3
    assert box.counters.get("anomaly_series_refused") == 2


def test_a_series_that_says_nothing_for_an_hour_and_more_gives_its_place_up() -> None:
    box = _Box(limit=2)
    box.tick(0, _name("a"))
    box.tick(720, _name("b"))
    assert sorted(filter(None, box.scores.names)) == [_name("a"), _name("b")]
    box.tick(721, _name("b"))
    assert (len(box.scores), [one for one in box.scores.names if one]) == (1, [_name("b")])


def test_where_no_place_is_free_the_longest_silent_gives_its_own_up_and_no_one_that_speaks() -> None:
    box, names = _Box(limit=3), [_name(str(number)) for number in range(3)]
    for at, name in enumerate(names):
        box.tick(at, name)
    box.tick(122, names[0], _name("new"))
    assert sorted(filter(None, box.scores.names)) == [names[0], names[2], _name("new")]
    box.tick(123, _name("newer"), names[2])
    assert box.counters.get("anomaly_series_refused") == 1


def test_one_host_does_not_take_the_places_of_all() -> None:
    box = _Box(limit=2500)
    many = [SeriesName("a", "unit", "restarts", (str(number), "")) for number in range(2400)]
    box.tick(0, *many, _name("b"), _name("c"))
    assert box.counters.get("anomaly_series_refused") == 400
    assert {name.host for name in box.scores.names if name} == {"a", "b", "c"}
    # Those that ended make room for what came after them on the same host.
    box.tick(121, *many[2000:])
    assert {*many[2000:]} <= {*box.scores.names}
    assert box.counters.get("anomaly_series_refused") == 400


def test_a_stop_is_looked_at_between_two_passes() -> None:
    passes = iter([False, False, True])
    scores = Scores(10, 0.5, Counters(), is_stopping=lambda: next(passes))
    scores.take([_row(at) for at in range(50)], BEGIN_MS)
    assert scores.detector.last_ms.max() == BEGIN_MS + STEP_MS


def test_a_series_that_stops_is_told_once_while_its_host_goes_on() -> None:
    box, gone, other = _Box(), _name("a", "load5"), _name()
    assert [*box.ticks(0, 100, gone, other)] == []
    found = [one for one in box.ticks(100, 145, other) if one.value is None]
    assert [(one.name, one.score) for one in found] == [(gone, 0.75)]
    assert found[0].ts_ms == BEGIN_MS + STEP_MS * 129


def test_a_host_of_which_nothing_comes_is_not_told_series_by_series() -> None:
    box = _Box()
    assert [*box.ticks(0, 100, _name("a"), _name("b"))] == []
    assert [one for one in box.ticks(100, 149, _name("b")) if one.value is None] == []


def _stopped(found: list[Anomaly]) -> list[SeriesName]:
    return [one.name for one in found if one.value is None]


def test_a_host_that_is_off_and_comes_again_tells_of_no_series_that_stopped() -> None:
    box, names = _Box(), [_name(), _name("a", "load5")]
    assert [*box.ticks(0, 100, *names)] == []
    found = [one for at in range(100, 300) for one in box.tick(at)]
    # One table comes before the other, and the past in one piece.
    found += box.look([_row(at, names[0]) for at in range(300, 304)], 304)
    found += [*box.ticks(305, 320, names[0])]
    assert _stopped(found) == []
    assert _stopped([*box.ticks(320, 345, names[0])]) == [names[1]]


def test_what_comes_late_tells_of_its_own_time() -> None:
    box, names = _Box(), [_name(), _name("a", "load5")]
    assert [*box.ticks(0, 100, *names)] == []
    late = [_row(at, names[0]) for at in range(100, 300)]
    assert _stopped(box.look(late[:100], 300)) == []
    assert _stopped(box.look(late[100:], 301)) == [names[1]]


def test_of_containers_that_end_nothing_is_told() -> None:
    box, gone = _Box(), SeriesName("a", "container", "cpu_ratio", ("1", "web", "docker"))
    assert [*box.ticks(0, 100, gone, _name())] == []
    assert _stopped([*box.ticks(100, 145, _name())]) == []


def test_a_series_that_stopped_is_not_told_again_after_a_restart(tmp_path: Path) -> None:
    path, box, gone = tmp_path / "anomalies.npz", _Box(), _name("a", "load5")
    assert [*box.ticks(0, 100, _name("free", "load1"), gone, _name())] == []
    assert _stopped([*box.ticks(100, 145, _name())]) == [gone]
    save_state(path, box.scores.names, box.scores.detector, box.scores.stopped)
    after = _Box(limit=256)
    after.scores.restore(*load_state(path, 256))
    assert _stopped([*after.ticks(145, 220, _name())]) == []
    # After hours without a server nobody has to learn anew.
    assert len(after.scores) == 3
    after.tick(3000, _name())
    assert len(after.scores) == 1


def test_what_is_known_outlasts_a_restart(tmp_path: Path) -> None:
    path, box, whole = tmp_path / "anomalies.npz", _Box(), _Box()
    expected = [*whole.ticks(0, 200, _name())]
    assert [*box.ticks(0, 120, _name())] == []
    save_state(path, box.scores.names, box.scores.detector, set())
    after = _Box()
    after.scores.restore(*load_state(path, 256))
    assert len(after.scores) == 1
    assert [*after.ticks(120, 200, _name())] == expected


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04" + bytes(60)])
def test_a_state_that_cannot_be_read_is_an_empty_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "anomalies.npz"
    if content is not None:
        path.write_bytes(content)
    names, detector, stopped = load_state(path, 10)
    assert (names, detector.count, stopped) == ([], 0, [])
