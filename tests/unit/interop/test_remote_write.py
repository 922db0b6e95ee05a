"""Every way through a request tells what protobuf's own library tells, and arbitrary bytes are refused or read alike."""

import random
import struct
from typing import Any

import cramjam
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import BodyTooLargeError, InputError
from nagare.interop.known import KnownSeries
from nagare.interop.masked import pad
from nagare.interop.remote_write import v1, v2
from nagare.interop.remote_write.codec import RemoteWriteCodec
from nagare.interop.remote_write.columns_v1 import Known, cut
from nagare.interop.remote_write.columns_v2 import Texts
from nagare.interop.remote_write.decoded import Decoded
from nagare.interop.remote_write.packing import pack_snappy, snappy_length, unpack_padded
from nagare.model.samples import STALE_BITS
from tests.support.interned import Interned
from tests.support.remote_write import V1, V2, Row, request_v2, write_request

NOW = 1_760_000_000_000
STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


def _bits(interned: Interned, decoded: Decoded) -> list[tuple[str, dict[str, str], int, int]]:
    rows = interned.told(decoded.samples)
    bits = decoded.samples.values.view(np.uint64).tolist()
    return [(*row[:3], bit) for row, bit in zip(rows, bits, strict=True)]


def _expected(rows: list[Row]) -> list[tuple[str, dict[str, str], int, int]]:
    return [
        (labels["__name__"], {k: v for k, v in labels.items() if k != "__name__" and v}, ts, _bits_of(value))
        for labels, samples in rows
        for ts, value in samples
    ]


def _bits_of(value: float) -> int:
    # Senders leave out what equals zero, the sign of a negative zero with it, unless their library keeps it.
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_LABELS = st.dictionaries(_NAMES.filter(lambda name: name != "__name__"), st.text(max_size=12), max_size=4)
_TIMES = st.one_of(st.integers(NOW, NOW + 10**6), st.integers(-(2**63), 2**63 - 1))
_VALUES = st.one_of(st.floats(), st.just(0.0), st.just(STALE))
_ROWS = st.lists(
    st.tuples(
        st.builds(lambda name, labels: {"__name__": name, **labels}, _NAMES, _LABELS),
        st.lists(st.tuples(_TIMES, _VALUES), max_size=3),
    ),
    max_size=6,
)


@given(_ROWS)
def test_version_1_tells_what_was_sent(rows: list[Row]) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    body = write_request(rows).SerializeToString()
    for _ in range(4):  # learning, known, remembered as a layout
        assert _bits(interned, codec.decode_v1(body)) == _expected(rows)
        assert _bits(interned, codec.decode_packed_v1(pack_snappy(body), len(body))) == _expected(rows)


@given(_ROWS)
def test_version_2_tells_what_was_sent(rows: list[Row]) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for _ in range(2):
        body = request_v2(rows).SerializeToString()
        assert _bits(interned, codec.decode_v2(body)) == _expected(rows)
        assert _bits(interned, codec.decode_packed_v2(pack_snappy(body), len(body))) == _expected(rows)


def _usual(count: int, seed: int, samples: int = 1) -> list[Row]:
    chance = random.Random(seed)
    return [
        (
            {"__name__": f"metric_{i % 7}_total", "host": f"host-{i}", "note": "x" * (i % 300)},
            [(NOW + 1000 * s, 0.0 if chance.random() < 0.2 else chance.uniform(-1e6, 1e6)) for s in range(samples)],
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 400])
def test_usual_requests_take_the_quick_way(count: int, samples: int) -> None:
    interned, known = Interned(), Known(2**20)
    body = write_request(_usual(count, 1, samples)).SerializeToString()
    for _ in range(2):
        found = cut(pad(body), len(body), interned, known)
        assert found is not None
        assert len(found.series) == count * samples


@pytest.mark.parametrize("length", [10, 120, 200, 16_300, 17_000, 70_000])
def test_labels_of_every_length(length: int) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    rows: list[Row] = [({"__name__": "m", "x": "y" * length, "n": str(n)}, [(NOW + n, n + 0.5)]) for n in range(3)]
    for _ in range(4):
        assert _bits(interned, codec.decode_v1(write_request(rows).SerializeToString())) == _expected(rows)


def test_a_layout_takes_other_values_and_times_but_no_other_series() -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    rows = _usual(50, 1)
    full: list[list[Row]] = [
        [(labels, [(NOW + turn * 5000, turn + index + 0.5)]) for index, (labels, _) in enumerate(rows)]
        for turn in range(5)
    ]
    for request in full:
        assert _bits(interned, codec.decode_v1(write_request(request).SerializeToString())) == _expected(request)
    calls = interned.calls
    renamed = [({**labels, "host": labels["host"].replace("host", "hust")}, samples) for labels, samples in full[0]]
    assert _bits(interned, codec.decode_v1(write_request(renamed).SerializeToString())) == _expected(renamed)
    assert interned.calls == calls + len(renamed)
    swapped = full[0][::-1]
    assert _bits(interned, codec.decode_v1(write_request(swapped).SerializeToString())) == _expected(swapped)


@pytest.mark.parametrize(
    "inside", [b"\x12\x10\x09" + b"\xff" * 8 + b"\x10\x80\x80\x80\x80\x80\x01", b"\x12\x07\x10\x80\x80\x80\x80\x80\x01"]
)
def test_a_label_that_looks_like_a_sample_is_a_label(inside: bytes) -> None:
    value = inside.replace(b"\xff", b"a").replace(b"\x80", b"\x01").decode()
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    rows: list[Row] = [({"__name__": "a", "x": value}, [(NOW, 1.0)]), ({"__name__": "b"}, [(NOW, 2.0)])]
    raw = write_request(rows).SerializeToString()
    # The same with bytes that are no UTF-8 and look exactly like a sample: an unlawful label, never a sample.
    broken = raw.replace(value.encode(), inside)
    for _ in range(3):
        assert _bits(interned, codec.decode_v1(raw)) == _expected(rows)
        decoded = codec.decode_v1(broken)
        assert (decoded.refused, _bits(interned, decoded)) == ({"labels": 1}, _expected(rows[1:]))


def _plain(count: int) -> list[Row]:
    return [({"__name__": "m", "host": f"h{i}"}, [(NOW, i + 0.5)]) for i in range(count)]


# Two samples a series with zeros among them, and one full sample a series: the two quick ways.
_LAWFUL = [write_request(rows).SerializeToString() for rows in (_usual(12, 5, 2), _plain(8))]


@given(
    st.sampled_from(_LAWFUL),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=3),
    st.integers(0, 2**16),
    st.booleans(),
)
def test_damaged_requests_are_read_by_every_way_alike(
    lawful: bytes, changes: list[tuple[int, int]], cut_at: int, is_cut: bool
) -> None:
    body = bytearray(lawful)
    for place, byte in changes:
        body[place % len(body)] = byte
    damaged = bytes(body[: cut_at % len(body)] if is_cut else body)
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for _ in range(3):
        codec.decode_v1(lawful)

    def told(decode: Any) -> Any:
        try:
            decoded = decode()
        except InputError as error:
            return str(error)
        return _bits(interned, decoded), decoded.refused, decoded.histograms, decoded.exemplars

    plain = told(lambda: v1.walk(damaged, interned, KnownSeries(0)).decoded())
    for _ in range(3):
        assert told(lambda: codec.decode_v1(damaged)) == plain


_LAWFUL_V2 = [request_v2(rows).SerializeToString() for rows in (_usual(12, 5), _plain(8))]


@given(
    st.sampled_from(_LAWFUL_V2),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=3),
    st.integers(0, 2**16),
    st.booleans(),
)
def test_damaged_requests_of_version_2_are_read_by_every_way_alike(
    lawful: bytes, changes: list[tuple[int, int]], cut_at: int, is_cut: bool
) -> None:
    body = bytearray(lawful)
    for place, byte in changes:
        body[place % len(body)] = byte
    damaged = bytes(body[: cut_at % len(body)] if is_cut else body)
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for _ in range(3):
        codec.decode_v2(lawful)

    def told(decode: Any) -> Any:
        try:
            decoded = decode()
        except InputError as error:
            return str(error)
        return _bits(interned, decoded), decoded.refused, decoded.histograms, decoded.exemplars

    plain = told(lambda: v2.walk(damaged, interned, v2.Tables(2**20)).decoded())
    for _ in range(3):
        assert told(lambda: codec.decode_v2(damaged)) == plain


def test_usual_requests_of_version_2_take_the_quick_way_in_any_order() -> None:
    interned = Interned()
    texts = Texts(2**20)
    rows = _usual(300, 3)
    for seed in range(3):
        shuffled = random.Random(seed).sample(rows, len(rows))
        request = request_v2(shuffled)
        request.symbols.append("what")
        for series in request.timeseries:
            series.metadata.CopyFrom(V2["Metadata"](type=1, help_ref=len(request.symbols) - 1))
        body = request.SerializeToString()
        found = texts.cut(body, pad(body), interned)
        assert found is not None
        cut_up, metadata = found
        names = [name for name, _ in interned.by_key]
        assert [names[number] for number in cut_up.series.tolist()] == [labels["__name__"] for labels, _ in shuffled]
        # Told once: a metric's metadata are not read again for a series that was met lately.
        assert {(entry.type, entry.help) for entry in metadata} == ({("counter", "what")} if seed == 0 else set())


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    codec = RemoteWriteCodec(Interned())
    for decode in (codec.decode_v1, codec.decode_v2, lambda content: _unpacked(content, 10_000)):
        try:
            decode(body)
        except (InputError, BodyTooLargeError):
            continue


def test_unusual_but_lawful_forms() -> None:
    request = write_request([({"__name__": "a", "x": "1"}, [(NOW, 1.5)])])
    series = request.timeseries[0]
    # Samples before labels, unknown fields of every wire type and a group, a number in more bytes than it needs.
    label = b"".join(b"\x0a" + bytes([len(p)]) + p for p in (item.SerializeToString() for item in series.labels))
    sample = b"\x12\x12\x09" + struct.pack("<d", 1.5) + b"\x10\x80\x80\x80\x80\x80\x80\x80\x00"
    odd = b"\xa0\x06\x07\xa1\x06" + bytes(8) + b"\xa5\x06" + bytes(4) + b"\xa2\x06\x01x" + b"\xa3\x06\x08\x01\xa4\x06"
    inner = sample + odd + label
    body = odd + b"\x0a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7]) + inner
    interned = Interned()
    decoded = RemoteWriteCodec(interned).decode_v1(body)
    assert interned.told(decoded.samples) == [("a", {"x": "1"}, 0, 1.5)]


def test_stale_markers_keep_their_bits_and_other_nans_theirs() -> None:
    other = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]
    rows: list[Row] = [({"__name__": "a"}, [(NOW, STALE), (NOW + 1, other)])]
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for decoded in (
        codec.decode_v1(write_request(rows).SerializeToString()),
        codec.decode_v2(request_v2(rows).SerializeToString()),
    ):
        assert decoded.samples.values.view(np.uint64).tolist() == [STALE_BITS, 0x7FF8_0000_DEAD_BEEF]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_unlawful_series_are_counted_and_their_neighbours_stored(version: str) -> None:
    rows: list[Row] = [
        ({"__name__": "good"}, [(NOW, 1.0)]),
        ({"host": "a"}, [(NOW, 2.0), (NOW + 1, 2.0)]),
        ({"__name__": ""}, [(NOW, 3.0)]),
        ({"__name__": "also_good", "": "x"}, [(NOW, 4.0)]),
    ]
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    body = (write_request if version == "v1" else request_v2)(rows).SerializeToString()
    for _ in range(3):
        decoded = getattr(codec, f"decode_{version}")(body)
        assert interned.told(decoded.samples) == [("good", {}, NOW, 1.0)]
        assert decoded.refused == {"labels": 4}


def test_metadata_histograms_and_exemplars() -> None:
    request = write_request([({"__name__": "a"}, [(NOW, 1.0)])])
    request.timeseries[0].exemplars.append(b"")
    request.timeseries[0].histograms.append(b"\x08\x01")
    request.metadata.add(type=1, metric_family_name="a", help="what", unit="seconds")
    decoded = RemoteWriteCodec(Interned()).decode_v1(request.SerializeToString())
    assert (len(decoded.samples), decoded.histograms, decoded.exemplars) == (1, 1, 1)
    assert [(m.name, m.type, m.unit, m.help) for m in decoded.metadata] == [("a", "counter", "seconds", "what")]

    second = request_v2([({"__name__": "a"}, [(NOW, 1.0)])])
    second.symbols.extend(["what", "seconds"])
    second.timeseries[0].histograms.append(b"\x08\x01")
    second.timeseries[0].metadata.CopyFrom(V2["Metadata"](type=2, help_ref=3, unit_ref=4))
    decoded = RemoteWriteCodec(Interned()).decode_v2(second.SerializeToString())
    assert (len(decoded.samples), decoded.histograms, decoded.exemplars) == (1, 1, 0)
    assert [(m.name, m.type, m.unit, m.help) for m in decoded.metadata] == [("a", "gauge", "seconds", "what")]


def test_symbols_must_be_there() -> None:
    codec = RemoteWriteCodec(Interned())
    request = request_v2([({"__name__": "a"}, [(NOW, 1.0)])])
    for reference in (1, 99):  # a name without a value, then a value that is not there
        request.timeseries[0].labels_refs.append(reference)
        with pytest.raises(InputError):
            codec.decode_v2(request.SerializeToString())
    with pytest.raises(InputError, match="first of its symbols"):
        codec.decode_v2(V2["Request"](symbols=["a"]).SerializeToString())


def test_refused_series_are_asked_again() -> None:
    interned = Interned(limit=1)
    codec = RemoteWriteCodec(interned)
    body = write_request([({"__name__": n}, [(NOW, 1.0)]) for n in ("a", "b")]).SerializeToString()
    for _ in range(4):
        assert codec.decode_v1(body).samples.series.tolist() == [0, -1]
    interned.limit = 2
    assert codec.decode_v1(body).samples.series.tolist() == [0, 1]


def test_what_is_remembered_is_bounded() -> None:
    interned = Interned()
    known = KnownSeries(20_000)
    for number in range(2_000):
        known.keep(b"series %d" % number, interned.intern(f"s{number}", []))
    remembered = [number for number in range(2_000) if known.find(b"series %d" % number) is not None]
    assert remembered[-1] == 1_999
    assert 50 < len(remembered) < 200
    assert all(known.find(b"series %d" % number) == number for number in remembered)


def _unpacked(content: bytes, limit: int) -> bytes:
    length = snappy_length(content, limit)
    return unpack_padded(content, length)[:length].tobytes()


def test_snappy_is_capped_before_it_is_unpacked() -> None:
    content = b"hello " * 1000
    assert _unpacked(pack_snappy(content), 6000) == content
    with pytest.raises(BodyTooLargeError):
        _unpacked(pack_snappy(content), 5999)
    with pytest.raises(InputError, match="claims"):
        _unpacked(b"\xff\xff\xff\x7f" + b"\x00a", 2**30)
    for broken in (b"", b"\x05", bytes(cramjam.snappy.compress_raw(content))[:-3], b"\x00a"):
        with pytest.raises(InputError):
            _unpacked(broken, 6000)


def test_an_empty_request_holds_nothing() -> None:
    codec = RemoteWriteCodec(Interned())
    assert len(codec.decode_v1(V1["WriteRequest"]().SerializeToString()).samples) == 0
    assert len(codec.decode_v2(b"").samples) == 0
