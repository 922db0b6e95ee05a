"""A codec that knows a body's lines reads it as one that meets them for the first time, line by line, and refuses the same."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.influx.codec import InfluxCodec, Lines

NOW = 1_760_000_000_000_000_000
_HEADS = (
    "cpu",
    "cpu,core=0,host=a",
    "cpu,core=1,host=a",
    "mem,host=b",
    r"di\ sk,path=C:\x\,y,host=a",
    'q,t="1",host=a',
)
_FLOATS, _ODD_FLOATS = ("0", "1.5", "-2", "1e5", "3.25E-2", "-0.0"), (
    "-0", "01", "+1", ".5", "1.", "1e400", "", "nan", "[1]", "\t1", "1\r", "null", "true", "1,", "1e", "1_0", '"1"', "1 ",
)  # fmt: skip
_INTEGERS, _ODD_INTEGERS = ("0i", "7i", "-3i", "9223372036854775807i"), (
    "9223372036854775808i", "5u", "1.0i", "1", "i", "1ii", "+1i", "-0i", "07i", "t", '"a b"', '"x\ny"', "1e2i",
)  # fmt: skip
_STAMPS, _ODD_STAMPS = ("17", "-5", "1760000000000000000"), (
    "", "017", "1.0", "99999999999999999999", "1e3", "9223372036854775808", "1 2", " 1", "1\r", "-0",
)  # fmt: skip


def _line(chance: Random, head: str, odd: float) -> str:
    def pick(usual: tuple[str, ...], others: tuple[str, ...]) -> str:
        return chance.choice(others if chance.random() < odd else usual)

    fields = [
        ("load", pick(_FLOATS, _ODD_FLOATS)),
        ("n", pick(_INTEGERS, _ODD_INTEGERS)),
        ("x", pick(_FLOATS, _ODD_FLOATS)),
    ]
    if chance.random() < odd:
        chance.shuffle(fields)
    # How many fields a head has is mostly the same.
    count = 1 + (len(head) + (chance.random() < 0.1)) % 3
    listed = ",".join(f"{key}={value}" for key, value in fields[:count])
    return f"{head} {listed} {pick(_STAMPS, _ODD_STAMPS)}"


def _body(chance: Random, heads: list[str], odd: float = 0.0) -> bytes:
    lines = [_line(chance, head, odd) for head in heads]
    if chance.random() < odd:
        lines.insert(
            chance.randint(0, len(lines)),
            chance.choice(("# cpu", "", "  ", 'new v="a"', 'cpu v="open', "bad", "mem,host=b load")),
        )
    return ("\n".join(lines) + chance.choice(("", "\n"))).encode()


def _rows(lines: Lines) -> Any:
    found: dict[int, Any] = {}
    for rows in lines.tables:
        for at, line in enumerate(rows.lines):
            tags = {key: column[at] for key, column in rows.tags.items() if column[at] is not None}
            # A negative zero is another value than zero, and a whole number another than a float.
            fields = {key: repr(column[at]) for key, column in rows.fields.items() if column[at] is not None}
            found[line] = (rows.table, rows.hosts[at], tags, fields, rows.ts_ns[at])
    return found, {rows.table: dict(rows.types) for rows in lines.tables}, sorted(lines.refused, key=str)


def _told(codec: InfluxCodec, body: bytes, unit: int = 1) -> Any:
    try:
        return _rows(codec.decode(body, unit, NOW))
    except InputError:
        return "refused"


_SEEDS = st.integers(0, 2**32 - 1)


@given(_SEEDS)
def test_known_lines_are_read_as_new_ones(seed: int) -> None:
    chance = Random(seed)
    codec = InfluxCodec(small_bytes=0)
    heads = chance.choices(_HEADS, k=chance.randint(1, 8))
    for _ in range(3):
        for odd in (0.0, 0.0, 0.0, 0.05, 0.0, 0.3):
            body, unit = _body(chance, heads, odd), chance.choice((1, 10**6))
            assert _told(codec, body, unit) == _told(InfluxCodec(), body, unit)
        chance.shuffle(heads)


@given(
    _SEEDS,
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(b'\n ,="\\i#\t0189.-eu\xff')), min_size=1, max_size=3),
)
def test_damaged_bodies_of_a_known_order(seed: int, changes: list[tuple[int, int]]) -> None:
    chance = Random(seed)
    codec = InfluxCodec(small_bytes=0)
    heads = chance.choices(_HEADS, k=4)
    body = bytearray()
    for _ in range(4):
        body = bytearray(_body(chance, heads))
        _told(codec, bytes(body))
    for place, byte in changes:
        body[place % len(body)] = byte
        assert _told(codec, bytes(body)) == _told(InfluxCodec(), bytes(body))


@pytest.mark.parametrize("other", ["", "# a comment\n", 'sys,host=a up="3 days, 4:05"\n', "new v=1 1\n"])
def test_what_is_not_known_is_read_by_itself(other: str) -> None:
    codec = InfluxCodec(small_bytes=0)
    heads = list(_HEADS)
    for turn in range(4):
        chance = Random(turn)
        body = _body(chance, heads) if turn < 3 else (other + _body(chance, heads).decode()).encode()
        assert _told(codec, body) == _told(InfluxCodec(), body)


def test_rows_in_a_known_order_say_so() -> None:
    codec, body = InfluxCodec(small_bytes=0), b""
    orders = []
    for turn in range(5):
        body = b"\n".join(b"cpu,host=h%d v=%d.5 %d" % (host, turn, turn) for host in range(9))
        (rows,) = codec.decode(body, 1, NOW).tables
        orders.append(rows.order)
    assert orders[0] is None
    assert orders[-1] is not None
    assert orders[-1] is orders[-2]
    (rows,) = codec.decode(body + b"\ncpu,host=x v=1 1", 1, NOW).tables
    assert rows.order is not orders[-1]


def test_what_is_remembered_of_orders_is_bounded() -> None:
    codec = InfluxCodec(memory_bytes=400_000, small_bytes=0)
    for number in range(200):
        body = b"\n".join(b"cpu,host=h%d,core=%d v=1.5 1" % (number % 50, core) for core in range(20))
        for _ in range(3):
            assert len(codec.decode(body, 1, NOW).tables[0]) == 20
        assert codec.orders.held_bytes <= 100_000
