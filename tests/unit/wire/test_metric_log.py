"""The record of the metric log as it stands on people's disks."""

import pytest

from nagare.errors import InputError, InvariantError
from nagare.wire.batch import Batch
from nagare.wire.codec import ENCODINGS, encode, pack
from nagare.wire.metric_log import LogRecord, decode_record, encode_record, encode_sent
from tests.support.source import ROOT

GOLDEN = ROOT / "tests" / "golden" / "wire" / "v1" / "log_record.msgpack"
GOLDEN_SENT = GOLDEN.with_name("log_record_sent.bin")
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


SENT = Batch(
    v=1,
    host="web1",
    boot="0b0e7a6e-6d3c-4f6f-9a43-7a8c3f0f7c11",
    seq=412,
    tables={"cpu": {"ts": [1_760_000_000_000] * 2, "core": ["all", "0"], "user_ratio": [0.12, None]}},
    replaces=[409, 410],
)
SENT_RECORD = LogRecord(1_760_000_000_123, SENT.host, SENT.boot, SENT.seq, SENT.replaces, SENT.tables)


def test_a_batch_as_sent_of_version_one_reads() -> None:
    assert decode_record(GOLDEN_SENT.read_bytes()) == SENT_RECORD


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_batch_as_sent_reads_back_in_every_encoding(encoding: str) -> None:
    body = pack(encode(SENT), encoding)
    payload = encode_sent(SENT_RECORD.received_ms, encoding, body)
    assert len(payload) == len(body) + 10
    assert decode_record(payload) == SENT_RECORD


@pytest.mark.parametrize("cut", [1, 9, 10, 30, -1])
def test_a_batch_as_sent_that_does_not_decode_is_a_bug(cut: int) -> None:
    with pytest.raises(InvariantError, match="BUG"):
        decode_record(GOLDEN_SENT.read_bytes()[:cut])


def test_an_encoding_of_tomorrow_is_a_bug_today() -> None:
    content = GOLDEN_SENT.read_bytes()
    with pytest.raises(InvariantError, match="BUG"):
        decode_record(content[:1] + b"\x09" + content[2:])
