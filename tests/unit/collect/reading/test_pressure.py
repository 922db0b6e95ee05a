"""Pressure stall information."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.pressure import parse_pressure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"some avg10=12.50 avg60=1 avg300=0 total=9\nfull avg10=0.25 avg60=0 avg300=0 total=1\n", (0.125, 0.0025)),
        (b"some avg10=1.00 avg60=1 avg300=0 total=9\n", (0.01, None)),
        (None, (None, None)),
        (b"", (None, None)),
        (b"some avg10=x\nfull avg60=1\n", (None, None)),
        (b"some avg10=nan\nfull avg10=101\n", (None, None)),
    ],
)
def test_parse(text: bytes | None, expected: tuple[float | None, float | None]) -> None:
    assert parse_pressure(text) == expected


@given(st.binary() | st.binary().map(lambda tail: b"some avg10=" + tail))
def test_any_bytes(text: bytes) -> None:
    for share in parse_pressure(text):
        assert share is None or 0 <= share <= 1
