"""Streams of events, however they are cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.diagnosis.models.server_events import ServerEvents

STREAM = ': alive\ndata: {"a": "µ"}\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\n\n\ndata: last'.encode()


@given(st.lists(st.integers(1, len(STREAM)), max_size=8))
def test_pieces_make_the_same_events(cuts: list[int]) -> None:
    events = ServerEvents()
    places = sorted({0, *cuts, len(STREAM)})
    found = [event for begin, end in pairwise(places) for event in events.take(STREAM[begin:end])]
    assert found + events.finish() == ['{"a": "µ"}', "one\ntwo", "last"]


@pytest.mark.parametrize("stream", [b"", b"\n\n", b": only a comment\n\n"])
def test_nothing_is_no_event(stream: bytes) -> None:
    events = ServerEvents()
    assert events.take(stream) + events.finish() == []
