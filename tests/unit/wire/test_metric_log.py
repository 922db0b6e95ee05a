"""The record of the metric log as it stands on people's disks."""

import pytest

from nagare.errors import InputError, InvariantError
from nagare.wire.metric_log import LogRecord, decode_record, encode_record
from tests.support.source import ROOT

GOLDEN = ROOT / "tests" / "golden" / "wire" / "v1" / "log_record.msgpack"
RECORD = LogRecord(
    received_ms=1_760_000_000_123,
    host="web1",
    boot="0b0e7a6e-6d3c-4f6f-9a43-7a8c3f0f7c11",
    seq=412,
    replaces=[409, 410],
    tables={
        "cpu": {"ts": [1_760_000_000_000, 1_760_000_000_000], "core": ["all", "0"], "user_ratio": [0.12, None]},
        "events": {"ts": [1_760_000_000_000], "id": ["e1"], "attributes": [{"unit": "nginx.service"}]},
    },
    event_ids=["e1"],
)


def test_a_record_of_version_one_reads_and_is_written_alike() -> None:
    assert decode_record(GOLDEN.read_bytes()) == RECORD
    assert encode_record(RECORD) == GOLDEN.read_bytes()


def test_a_field_of_tomorrow_at_the_end_is_ignored() -> None:
    content = GOLDEN.read_bytes()
    assert content[0] == 0x97  # an array of seven
    assert decode_record(b"\x98" + content[1:] + b"\xa5later") == RECORD


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_what_passed_its_checksum_and_does_not_decode_is_a_bug(cut: int) -> None:
    with pytest.raises(InvariantError, match="BUG"):
        decode_record(GOLDEN.read_bytes()[:cut])


def test_what_cannot_be_written_is_the_senders_fault() -> None:
    with pytest.raises(InputError, match="cannot accept batch"):
        encode_record(LogRecord(1, "web1", "b", 2**70, [], {}))
    with pytest.raises(InputError, match="cannot accept batch"):
        encode_record(LogRecord(1, "\udc80", "b", 1, [], {}))
