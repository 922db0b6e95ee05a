"""Frames between a server and its worker: whole, in order, and nothing else is taken for one."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.automation.workers.pipe import (
    FRAME_LIMIT_BYTES,
    HEAD_BYTES,
    from_worker,
    length_of,
    pack,
    read_frame,
    to_worker,
    write_all,
)
from nagare.errors import InputError, InvariantError
from nagare.wire.worker import Answer, Broken, Call, Finished, Installation, Keep, Order, Progress

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)
_VALUES = st.dictionaries(st.text(max_size=5), _JSON, max_size=3)
_FROM = st.one_of(
    st.builds(Progress, st.none() | st.floats(0, 1), st.text(max_size=20)),
    st.builds(Call, st.text(max_size=10), _VALUES),
    st.builds(Finished, _VALUES),
    st.builds(Broken, st.text(max_size=20), st.booleans()),
)
_TO = st.one_of(
    st.builds(Keep, st.floats(0, 100)),
    st.builds(Answer, _JSON, st.text(max_size=10)),
    st.builds(
        Order,
        st.text(max_size=5),
        st.integers(0, 2**50),
        st.floats(0, 100),
        st.text(max_size=5),
        _VALUES,
        st.just(Installation("/x")),
    ),
)


@given(st.lists(_FROM, max_size=5), st.lists(_TO, max_size=5))
def test_frames_come_back_in_their_order(said: list[Any], heard: list[Any]) -> None:
    for frames, read in ((said, from_worker), (heard, to_worker)):
        reader, writer = os.pipe()
        try:
            write_all(writer, b"".join(pack(frame) for frame in frames))
            os.close(writer)
            found = []
            while (content := read_frame(reader)) is not None:
                found.append(read(content))
            assert found == frames
        finally:
            os.close(reader)


def test_what_is_cut_off_is_no_frame() -> None:
    whole = pack(Finished({"n": 1}))
    for length in range(len(whole)):
        reader, writer = os.pipe()
        write_all(writer, whole[:length])
        os.close(writer)
        assert read_frame(reader) is None
        os.close(reader)


def test_what_is_too_large_or_unknown_is_refused() -> None:
    with pytest.raises(InvariantError):
        length_of((FRAME_LIMIT_BYTES + 1).to_bytes(HEAD_BYTES, "big"))
    with pytest.raises(InputError):
        from_worker(b'{"type":"order"}')
