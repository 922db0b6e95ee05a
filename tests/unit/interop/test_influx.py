"""Lines as InfluxDB's documents describe them, read alike by the careful way and by the pattern of the line before."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.influx.codec import InfluxCodec
from nagare.model.tables import ColumnType
from nagare.model.wide import WideRows

NOW = 1_760_000_000_000_000_000
Point = tuple[str, str, dict[str, str], dict[str, Any], int]


def _points(tables: Sequence[WideRows]) -> list[tuple[int, Point]]:
    found: list[tuple[int, Any]] = []
    for rows in tables:
        for at, line in enumerate(rows.lines):
            tags = {key: column[at] for key, column in rows.tags.items() if column[at] is not None}
            fields = {key: column[at] for key, column in rows.fields.items() if column[at] is not None}
            found.append((line, (rows.table, rows.hosts[at], tags, fields, rows.ts_ns[at])))
    return sorted(found, key=lambda each: each[0])


def _read(body: str | bytes, unit: int = 1, codec: InfluxCodec | None = None) -> list[Point]:
    raw = body.encode() if isinstance(body, str) else body
    return [point for _, point in _points((codec or InfluxCodec()).decode(raw, unit, NOW).tables)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cpu value=1 17", ("influx.cpu", "", {}, {"value": 1.0}, 17)),
        ("cpu,host=a,core=0 u=1i,v=-2.5e3,b=t,c=False 17", ("influx.cpu", "a", {"core": "0"}, {"u": 1, "v": -2500.0, "b": True, "c": False}, 17)),
        ("cpu,host=a u=7u", ("influx.cpu", "a", {}, {"u": 7}, NOW)),
        ("  cpu   u=1i   17  ", ("influx.cpu", "", {}, {"u": 1}, 17)),
        ("cpu u=1i 17\r", ("influx.cpu", "", {}, {"u": 1}, 17)),
        (r"my\ cpu\,x,a\,b=c\ d\=e f\ g=1", ("influx.my cpu,x", "", {"a,b": "c d=e"}, {"f g": 1.0}, NOW)),
        (r'cpu t="say \"hi\", C:\\x \n",u=1', ("influx.cpu", "", {}, {"t": r'say "hi", C:\x \n', "u": 1.0}, NOW)),
        ('cpu t="two\nlines" 5', ("influx.cpu", "", {}, {"t": "two\nlines"}, 5)),
        ('cpu,q="x" t="" 5', ("influx.cpu", "", {"q": '"x"'}, {"t": ""}, 5)),
        (r"cpu,path=C:\dir v=1", ("influx.cpu", "", {"path": r"C:\dir"}, {"v": 1.0}, NOW)),
        ("cpu v=1 -5", ("influx.cpu", "", {}, {"v": 1.0}, -5)),
        ("cpu v=9223372036854775807i", ("influx.cpu", "", {}, {"v": 2**63 - 1}, NOW)),
        ("温度,場所=家 値=21.5", ("influx.温度", "", {"場所": "家"}, {"値": 21.5}, NOW)),
        ("cpu v=1,v=2", ("influx.cpu", "", {}, {"v": 2.0}, NOW)),
        ("cpu,instance=web1:9100 v=1", ("influx.cpu", "web1", {"instance": "web1:9100"}, {"v": 1.0}, NOW)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("small_bytes", [0, 2048])
def test_a_line_is_read_alike_when_it_comes_again(line: str, expected: Point, small_bytes: int) -> None:
    codec = InfluxCodec(small_bytes=small_bytes)
    for _ in range(3):
        assert _read(line, codec=codec) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "cpu", "cpu ", "cpu,host=a", "cpu v=", "cpu =1", "cpu,host= v=1", "cpu,=a v=1", "cpu,host v=1", ",host=a v=1",
        "cpu v=1 x", "cpu v=1 17 18", "cpu v=1 1.5", "cpu v=abc", "cpu v=1x", "cpu v=nan", "cpu v=inf", 'cpu v="open',
        "cpu v=1,", "cpu,a=1,a=2 v=1", "cpu v=9223372036854775808i", "cpu v=-1u", "cpu v=18446744073709551615u",
        'cpu v=a"b"', "cpu v=1 99999999999999999999", "cpu v=0x10",
    ],
)  # fmt: skip
def test_a_malformed_line_refuses_the_body_and_is_named(line: str) -> None:
    codec = InfluxCodec()
    _read("cpu,host=a v=1 1", codec=codec)
    with pytest.raises(InputError, match="line 3") as caught:
        _read(f"# a comment\ncpu,host=a v=1 1\n{line}", codec=codec)
    assert caught.value.errors[0]["line"] == 3


def test_what_is_unlawful_stays_so_when_its_layout_is_known() -> None:
    codec = InfluxCodec()
    assert _read("cpu v=1u\ncpu v=+2u\ncpu v=-3i", codec=codec)[2][3] == {"v": -3}
    with pytest.raises(InputError, match="line 2"):
        _read("cpu v=1u\ncpu v=-1u", codec=codec)


def test_times_count_units() -> None:
    assert [point[4] for point in _read("cpu v=1 5\ncpu v=1 6", 1_000_000_000)] == [5 * 10**9, 6 * 10**9]
    with pytest.raises(InputError, match="line 2: its time"):
        _read("cpu v=1 5\ncpu v=1 9223372036854775807", 1000)


def test_lines_of_one_measurement_keep_their_order_whatever_their_fields() -> None:
    codec = InfluxCodec()
    body = "cpu,host=a x=1i 5\nmem used=1i 5\ncpu,host=a,core=0 y=2.5 5\ncpu,host=a x=3i 5\n\ncpu,host=b x=4i 6\n"
    for _ in range(3):
        tables = {rows.table: rows for rows in codec.decode(body.encode(), 1, NOW).tables}
        cpu = tables["influx.cpu"]
        assert list(cpu.lines) == [1, 3, 4, 6]
        assert list(cpu.fields["x"]) == [1, None, 3, 4]
        assert list(cpu.fields["y"]) == [None, 2.5, None, None]
        assert list(cpu.tags["core"]) == [None, "0", None, None]
        assert dict(cpu.types) == {"x": ColumnType.INTEGER, "y": ColumnType.FLOAT}


def test_what_is_remembered_is_bounded() -> None:
    codec = InfluxCodec(memory_bytes=50_000)
    for number in range(500):
        assert _read(f"cpu,host=h{number} v=1", codec=codec)[0][1] == f"h{number}"
    assert len(codec._series) < 100


_KEYS = st.text(st.characters(codec="utf-8", exclude_characters='\n\r\x00"\\'), min_size=1, max_size=8).filter(
    lambda text: not text.startswith("#") and text.strip() == text
)
_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
_POINTS = st.lists(
    st.tuples(
        _KEYS,
        st.dictionaries(_KEYS.filter(lambda key: key not in {"host", "host.name", "host_name", "instance"}), _KEYS, max_size=3),
        st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=4),
        st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=6,
)  # fmt: skip


def _escaped(text: str, characters: str) -> str:
    return "".join(f"\\{character}" if character in characters else character for character in text)


def _field(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "F"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    return '"' + _escaped(value, '"\\') + '"'


@given(_POINTS)
def test_round_trip(points: list[tuple[str, dict[str, str], dict[str, Any], int]]) -> None:
    lines = [
        _escaped(measurement, ", ")
        + "".join(f",{_escaped(key, ',= ')}={_escaped(value, ',= ')}" for key, value in tags.items())
        + " "
        + ",".join(f"{_escaped(key, ',= ')}={_field(value)}" for key, value in fields.items())
        + f" {ts}"
        for measurement, tags, fields, ts in points
    ]
    expected = [(f"influx.{measurement}", "", tags, fields, ts) for measurement, tags, fields, ts in points]
    codec = InfluxCodec()
    for _ in range(3):
        read = codec.decode("\n".join(lines).encode(), 1, NOW)
        refused = {refusal.line for refusal in read.refused}
        assert [point for _, point in _points(read.tables)] == [
            point for line, point in enumerate(expected, 1) if line not in refused
        ]
        assert not refused or len({measurement for measurement, _, _, _ in points}) < len(points)


def test_a_field_of_another_type_is_refused_line_by_line() -> None:
    codec = InfluxCodec()
    for _ in range(3):
        read = codec.decode(b"cpu x=1i 1\ncpu x=2.5 2\ncpu y=1 3\ncpu x=3i 4\nmem x=1 5", 1, NOW)
        assert [refusal.line for refusal in read.refused] == [2]
        assert "type conflict: it is float, and integer stands before it" in read.refused[0].reason
        assert [line for line, _ in _points(read.tables)] == [1, 3, 4, 5]


_LAWFUL = b'cpu,host=a,core=0 x=1i,y=2.5,t="a" 17\ncpu,host=b,core=1 x=2i,y=3.5,t="b" 18\nmem free=1i 19\n'


@given(st.lists(st.tuples(st.integers(0, len(_LAWFUL) - 1), st.integers(0, 255)), max_size=3))
def test_damaged_bodies_are_read_alike_by_who_knows_and_who_does_not(changes: list[tuple[int, int]]) -> None:
    body = bytearray(_LAWFUL)
    for place, byte in changes:
        body[place] = byte
    known = InfluxCodec()
    known.decode(_LAWFUL, 1, NOW)

    def told(codec: InfluxCodec) -> Any:
        try:
            return _points(codec.decode(bytes(body), 1, NOW).tables)
        except InputError as error:
            return type(error)

    fresh = told(InfluxCodec())
    for _ in range(2):
        assert told(known) == fresh


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        InfluxCodec().decode(body, 1, NOW)
    except InputError:
        return


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    [
        "cpu v=" + "1" * 200_000 + "x 1",
        "cpu v=1." + "1" * 200_000 + "x 1",
        "cpu v=1e" + "1" * 200_000 + "x 1",
        "cpu," + ",".join(f"t{n}=" for n in range(20_000)) + " v=1",
        'cpu t="' + "\\" * 200_000,
        'cpu t="' + "\n".join(["x" * 1000] * 500),
        'cpu t="' + '\n"x' * 20_000,
        "cpu" + "\\ " * 100_000,
    ],
    ids=range(8),
)
def test_hostile_lines_cost_one_pass(line: str) -> None:
    codec = InfluxCodec()
    _read("cpu v=1.5 1", codec=codec)
    with pytest.raises(InputError):
        _read(line, codec=codec)
