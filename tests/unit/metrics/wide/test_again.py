"""Which rows may stand there already is told as one row after the other would tell it, in whatever order they come."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.wide import again
from nagare.metrics.wide.again import NewestPoints
from nagare.model.wide import WideRows

_FLOOR = 5


class _Order:
    """What a codec names an order of rows by."""


class _Plain:
    """The same, one row after the other."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str | None], int] = {}

    def are_new(self, hosts: list[str], tags: list[str | None], times: list[int]) -> list[bool]:
        found = []
        for host, tag, ts in zip(hosts, tags, times, strict=True):
            is_new = ts > self._newest.get((host, tag), _FLOOR)
            if is_new:
                self._newest[host, tag] = ts
            found.append(is_new)
        return found


def _rows(hosts: list[str], tags: list[str | None], times: list[int], order: object | None = None) -> WideRows:
    return WideRows("t", times, hosts, {"core": tags}, {}, {}, range(len(times)), order)


_ROW = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["0", "1", None]))
_TIMES = st.integers(0, 12)


@given(
    st.lists(st.lists(_ROW, min_size=1, max_size=12), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.lists(_TIMES, min_size=12, max_size=12), st.booleans()), max_size=12),
)
def test_marks_are_those_of_one_row_after_the_other(
    kinds: list[list[tuple[str, str | None]]], requests: list[tuple[int, list[int], bool]]
) -> None:
    newest, plain = NewestPoints(lambda _: _FLOOR, lambda: 1), _Plain()
    orders = [_Order() for _ in kinds]
    last = 0
    for kind, times, has_order in requests:
        number = kind % len(kinds)
        hosts, tags = [host for host, _ in kinds[number]], [tag for _, tag in kinds[number]]
        rows = _rows(hosts, tags, times[: len(hosts)], orders[number] if has_order else None)
        marks = newest.marks(rows)
        are_new = plain.are_new(hosts, tags, times[: len(hosts)])
        assert (marks is None) == all(are_new)
        if marks is not None:
            assert [mark is None for mark in marks] == are_new
            given = [mark for mark in marks if mark is not None]
            assert given == sorted(given)
            assert given[0] > last
            last = given[-1]


def test_past_its_bound_a_table_knows_its_newest_time_alone() -> None:
    newest = NewestPoints(lambda _: None, lambda: 1)
    count = again.SERIES_LIMIT + 1
    hosts = [str(number) for number in range(count)]
    order = _Order()
    assert newest.marks(_rows(hosts, ["0"] * count, [7] * (count - 1) + [9], order)) is None
    # All are forgotten now, so that what is not beyond the newest of them may be a repeat.
    assert newest.marks(_rows(["x", "y"], ["0", "0"], [9, 10])) is not None
    assert newest.marks(_rows(hosts[:2], ["0"] * 2, [11, 11])) is None
    marks = newest.marks(_rows(hosts, ["0"] * count, [11] * count, order))
    assert marks is not None
    assert marks.count(None) == count - 2
