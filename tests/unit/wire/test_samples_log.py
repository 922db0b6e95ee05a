"""The log's record of samples as it stands on people's disks, and bit for bit through the codec."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nagare.errors import InvariantError
from nagare.model.samples import STALE_BITS, MetricMetadata, Series
from nagare.wire.metric_log import LogRecord, encode_record
from nagare.wire.samples_log import SamplesRecord, decode_samples, encode_samples, is_samples
from tests.support.source import ROOT

GOLDEN = ROOT / "tests" / "golden" / "wire" / "v1" / "samples_record.bin"
RECORD = SamplesRecord(
    1_760_000_000_123,
    ((7, Series("up", (("instance", "web1:9100"), ("job", "node")), "web1")), (2**31 - 1, Series("α", (), ""))),
    (MetricMetadata("up", "gauge", "", "Whether the target answers."),),
    np.array([7, 2**31 - 1], np.int32),
    np.array([1_760_000_000_000, -1], np.int64),
    np.array([0x7FF8_0000_0000_BEEF, STALE_BITS], np.int64).view(np.float64),
)


def _same(left: SamplesRecord, right: SamplesRecord) -> bool:
    columns = ((left.series, right.series), (left.ts_ms, right.ts_ms), (left.values, right.values))
    same = all(a.tobytes() == b.tobytes() for a, b in columns)
    return same and (left.received_ms, left.definitions, left.metadata) == (
        right.received_ms,
        right.definitions,
        right.metadata,
    )


def test_a_record_of_version_one_reads_and_is_written_alike() -> None:
    assert encode_samples(RECORD) == GOLDEN.read_bytes()
    assert _same(decode_samples(GOLDEN.read_bytes()), RECORD)


def test_the_kinds_of_records_are_told_apart() -> None:
    assert is_samples(GOLDEN.read_bytes())
    assert not is_samples(encode_record(LogRecord(1, "web1", "b", 1, [], {})))


def test_a_field_of_tomorrow_at_the_end_of_the_envelope_is_ignored() -> None:
    content = bytearray(GOLDEN.read_bytes())
    at = 16 + 20 * 2
    assert content[at] == 0x93  # an array of three
    content[at] = 0x94
    content += b"\xa5later"
    content[8:12] = (len(content) - at).to_bytes(4, "little")
    assert _same(decode_samples(bytes(content)), RECORD)


@pytest.mark.parametrize("cut", [1, 15, 16, 40, -1])
def test_what_passed_its_checksum_and_does_not_decode_is_a_bug(cut: int) -> None:
    with pytest.raises(InvariantError, match="BUG"):
        decode_samples(GOLDEN.read_bytes()[:cut])


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.data())
def test_every_record_comes_back_bit_for_bit(data: Any) -> None:
    count = data.draw(st.integers(0, 20))
    labels = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
    record = SamplesRecord(
        data.draw(st.integers(0, 2**53)),
        data.draw(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.builds(Series, TEXTS, labels, TEXTS))).map(tuple)),
        data.draw(st.lists(st.builds(MetricMetadata, TEXTS, TEXTS, TEXTS, TEXTS), max_size=3).map(tuple)),
        data.draw(arrays.arrays(np.int32, count)),
        data.draw(arrays.arrays(np.int64, count)),
        data.draw(arrays.arrays(np.int64, count)).view(np.float64),
    )
    assert _same(decode_samples(encode_samples(record)), record)
