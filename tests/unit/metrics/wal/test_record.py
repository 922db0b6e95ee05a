"""The record of the metric log round trips, and older ones without newer fields still decode."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError, InvariantError
from nagare.wire.metric_log import LogRecord, decode_record, encode_record

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=5),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)  # fmt: skip
RECORDS = st.builds(
    LogRecord,
    st.integers(0, 2**50), st.text(max_size=5), st.text(max_size=5), st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 2**63 - 1), max_size=3),
    st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.lists(CELLS, max_size=3), max_size=3), max_size=2),
    st.lists(st.text(max_size=3), max_size=3),
)  # fmt: skip


@given(RECORDS)
def test_round_trip(record: LogRecord) -> None:
    assert decode_record(encode_record(record)) == record


def test_a_record_without_event_ids_decodes() -> None:
    payload = msgspec.msgpack.encode([5, "web1", "b", 1, [], {"load": {"ts": [1]}}])
    assert decode_record(payload) == LogRecord(5, "web1", "b", 1, [], {"load": {"ts": [1]}})


def test_what_cannot_be_encoded_is_the_senders_fault() -> None:
    with pytest.raises(InputError):
        encode_record(LogRecord(1, "web1", "b", 1, [], {"cpu": {"core": ["\ud800"]}}))


def test_what_does_not_decode_is_a_bug() -> None:
    with pytest.raises(InvariantError):
        decode_record(b"\xc1")
