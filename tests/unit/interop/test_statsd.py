"""Datagrams of StatsD clients: what each line means, and that nothing in them can break the reader."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.interop.statsd import StatsdKind, StatsdLine, parse_datagram


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hits:1|c", StatsdLine("hits", StatsdKind.COUNTER, 1.0)),
        ("hits:2|c|@0.1", StatsdLine("hits", StatsdKind.COUNTER, 2.0, rate=0.1)),
        ("a.b-c:3.5|g", StatsdLine("a_b_c", StatsdKind.GAUGE, 3.5)),
        ("g:+4|g", StatsdLine("g", StatsdKind.GAUGE, 4.0, is_relative=True)),
        ("g:-4|g", StatsdLine("g", StatsdKind.GAUGE, -4.0, is_relative=True)),
        ("t:320|ms|@0.5|#env:prod,fast", StatsdLine("t", StatsdKind.TIMING, 320.0, 0.5, (("env", "prod"), ("fast", "true")))),
        ("h:1e3|h", StatsdLine("h", StatsdKind.HISTOGRAM, 1000.0)),
        ("d:7|d|c:abc|T1760000000", StatsdLine("d", StatsdKind.HISTOGRAM, 7.0)),
        ("u:joe:smith|s", StatsdLine("u", StatsdKind.SET, 0.0, member="joe:smith")),
        ("2xx:1|c|#host.name:web1", StatsdLine("_2xx", StatsdKind.COUNTER, 1.0, tags=(("host_name", "web1"),))),
    ],
)  # fmt: skip
def test_a_line(line: str, expected: StatsdLine) -> None:
    assert parse_datagram(line.encode()).lines == (expected,)


def test_lines_of_a_datagram_and_values_of_a_line() -> None:
    found = parse_datagram(b"a:1|c\nb:2:3|ms\r\n\nbroken\nc:4|c\n")
    assert [(line.name, line.value) for line in found.lines] == [("a", 1.0), ("b", 2.0), ("b", 3.0), ("c", 4.0)]
    assert found.malformed == 1


@pytest.mark.parametrize(
    "line",
    ["x", ":1|c", "x:|c", "x:1", "x:1|", "x:1|q", "x:nan|g", "x:1e999|g", "x:1_0|c", "x:1|c|@0", "x:1|c|@2", "x:1|c|@x",
     "x:1|c|#:v", "_e{5,4}:title|text", "x:" + ":".join("1" * 1001) + "|c", "x:٣|c"],
)  # fmt: skip
def test_a_malformed_line_is_counted(line: str) -> None:
    assert parse_datagram(line.encode()) == parse_datagram(b"?")
    assert parse_datagram(line.encode()).malformed == 1


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(datagram: bytes) -> None:
    found = parse_datagram(datagram)
    assert all(math.isfinite(line.value) and 0 < line.rate <= 1 for line in found.lines)
    assert len(found.lines) + found.malformed <= len(datagram) + 1
