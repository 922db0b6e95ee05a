import contextlib
import gzip
import json
import math
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import BodyTooLargeError, InputError, UnsupportedMediaError
from nagare.wire.batch import Batch
from nagare.wire.codec import ENCODINGS, decode, decode_any, encode, pack, unpack

LIMIT = 1 << 20
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_encoded_decodes_to_itself(value: Any) -> None:
    assert decode_any(encode(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_an_input_error(content: bytes) -> None:
    with contextlib.suppress(InputError):
        decode_any(content)
    with contextlib.suppress(InputError):
        decode(content, Batch)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b"Infinity", b"1e999", b"1" * 5000, b"\xff", b'"\xff"', b'"\\ud800"', b"1 2"],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"cannot (read JSON|accept document)"):
        decode_any(content)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ('{"v":"x","host":"a","boot":"b","seq":1,"tables":{}}', "#/v"),
        ('{"v":1,"host":"a","boot":"b","seq":1,"tables":{"cpu":{"ts":[1,[2]]}}}', "#/tables/*/*/1"),
        ('{"v":1}', "#"),
        ("[]", "#"),
    ],
)
def test_a_refusal_points_at_the_place(document: str, pointer: str) -> None:
    with pytest.raises(InputError, match="cannot accept document") as raised:
        decode(document, Batch)
    assert [error["pointer"] for error in raised.value.errors] == [pointer]


def test_foreign_text_in_a_refusal_is_harmless_and_short() -> None:
    evil = json.dumps({"op": "\x1b[2J" + "x" * 10_000})
    from nagare.wire.live import ClientFrame

    with pytest.raises(InputError) as raised:
        decode(evil, ClientFrame)  # type: ignore[arg-type]
    assert "\x1b" not in raised.value.message
    assert len(raised.value.message) < 400


def test_what_is_no_number_is_null() -> None:
    assert encode([math.nan, math.inf, -math.inf, 1.5]) == b"[null,null,null,1.5]"


def test_text_that_is_no_unicode_is_sent_as_a_replacement() -> None:
    batch = Batch(1, "web1", "b", 1, {"disk": {"ts": [1], "mount": ["/mnt/\udcff"]}})
    assert decode(encode(batch), Batch).tables["disk"]["mount"] == ["/mnt/\N{REPLACEMENT CHARACTER}"]
    assert json.loads(encode({"\udc80": ("\udc80", 1, None)})) == {"\ufffd": ["\ufffd", 1, None]}


@given(content=st.binary(max_size=5000), encoding=st.sampled_from(ENCODINGS))
def test_what_is_packed_unpacks_to_itself(content: bytes, encoding: str) -> None:
    assert unpack(pack(content, encoding), encoding, LIMIT) == content


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20), st.sampled_from(["gzip", "zstd"]))
def test_streams_glued_together_are_one_body(parts: list[bytes], encoding: str) -> None:
    assert unpack(b"".join(pack(part, encoding) for part in parts), encoding, LIMIT) == b"".join(parts)


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("", b"a"),
        (" IDENTITY ", b"a"),
        ("x-gzip", gzip.compress(b"a", mtime=0)),
        ("GZIP", gzip.compress(b"a", mtime=0)),
    ],
)
def test_encodings_are_named_as_http_allows(encoding: str, content: bytes) -> None:
    assert unpack(content, encoding, LIMIT) == b"a"


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "x" * 10_000])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaError, match="cannot use content encoding") as raised:
        unpack(b"", encoding, LIMIT)
    assert "gzip" in raised.value.hint
    assert len(raised.value.message) < 200
    with pytest.raises(UnsupportedMediaError):
        pack(b"", encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_the_limit_is_exact(encoding: str, size: int) -> None:
    packed = pack(bytes(size), encoding)
    if size <= LIMIT:
        assert len(unpack(packed, encoding, LIMIT)) == size
    else:
        with pytest.raises(BodyTooLargeError, match=f"more than {LIMIT} bytes"):
            unpack(packed, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_limit_spans_all_streams_of_a_body(encoding: str) -> None:
    with pytest.raises(BodyTooLargeError):
        unpack(pack(bytes(1000), encoding) * 10, encoding, 9_999)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_of_a_million_empty_streams_is_refused_at_once(encoding: str) -> None:
    with pytest.raises(InputError, match="more than 100 streams"):
        unpack(pack(b"", encoding) * 1_000_000, encoding, LIMIT)


@given(
    content=st.binary(min_size=1, max_size=500), encoding=st.sampled_from(["gzip", "zstd"]), cut=st.integers(0, 10_000)
)
def test_a_truncated_body_is_refused(content: bytes, encoding: str, cut: int) -> None:
    packed = pack(content, encoding)
    with pytest.raises(InputError, match=f"cannot read {encoding} body"):
        unpack(packed[: cut % len(packed)], encoding, LIMIT)


@given(content=st.binary(max_size=500), encoding=st.sampled_from(["gzip", "zstd"]))
def test_a_damaged_body_is_refused_or_too_large(content: bytes, encoding: str) -> None:
    with contextlib.suppress(InputError, BodyTooLargeError):
        unpack(content, encoding, LIMIT)
    broken = bytearray(pack(content, encoding))
    broken[len(broken) // 2] ^= 0xFF
    with contextlib.suppress(InputError, BodyTooLargeError):
        unpack(bytes(broken), encoding, LIMIT)


def test_rubbish_after_a_stream_is_refused() -> None:
    for encoding in ("gzip", "zstd"):
        with pytest.raises(InputError, match=f"cannot read {encoding} body"):
            unpack(pack(b"a", encoding) + b"rubbish that is long enough", encoding, LIMIT)
    with pytest.raises(InputError):
        unpack(zlib.compress(b"a"), "gzip", LIMIT)
