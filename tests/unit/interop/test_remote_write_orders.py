"""Requests whose series come in another order each time are read as the walk reads them, look-alikes of times or not."""

import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.known import KnownSeries
from nagare.interop.masked import pad
from nagare.interop.remote_write import v1
from nagare.interop.remote_write.codec import RemoteWriteCodec
from nagare.interop.remote_write.columns_v1 import Known, cut
from nagare.interop.remote_write.decoded import Decoded
from nagare.interop.remote_write.sample_ends import sample_ends
from tests.support.interned import Interned
from tests.support.remote_write import Row, write_request
from tests.support.write_layout import varint

NOW = 1_760_000_000_000
# The high bytes of a time change here.
TURN = (NOW >> 21) + 1 << 21
_TIMES = st.one_of(
    st.integers(NOW, NOW + 5000), st.sampled_from([TURN - 1, TURN, 0, -1, 2**40 - 1, 2**63 - 1]), st.integers(0, 2**42)
)
# Values that hold what the ends of samples look like, at every place in a value.
_TIME_FIELD = b"\x10" + varint(NOW) + b"\x0a"
_LOOKALIKES = [
    struct.unpack("<d", (bytes(8) + part + bytes(8))[8 - shift : 16 - shift])[0]
    for part in (_TIME_FIELD, b"\x12\x07\x10" + varint(NOW)[:5], b"\x12\x10\x09" + varint(NOW)[2:])
    for shift in range(-4, 8)
]
_VALUES = st.one_of(st.sampled_from(_LOOKALIKES), st.just(0.0), st.floats())
_NAMES = [{"__name__": f"m{n}", "host": f"h{n % 5}", "note": "3\n" * n} for n in range(20)]
_SHORT_OR_LONG = st.sampled_from([0, 120, 20_000])


@st.composite
def _requests(draw: Any) -> bytes:
    rows: list[Row] = [
        (labels, draw(st.lists(st.tuples(_TIMES, _VALUES), min_size=1, max_size=draw(st.sampled_from([1, 1, 3])))))
        for labels in draw(st.permutations(_NAMES))[: draw(st.integers(1, len(_NAMES)))]
    ]
    rows[0] = ({**rows[0][0], "long": "x" * draw(_SHORT_OR_LONG)}, rows[0][1])
    request = write_request(rows)
    if draw(st.integers(0, 9)) == 0:
        draw(st.sampled_from(request.timeseries)).exemplars.append(b"")
    if draw(st.integers(0, 9)) == 0:
        draw(st.sampled_from(request.timeseries)).histograms.append(b"\x08\x01")
    if draw(st.integers(0, 9)) == 0:
        request.metadata.add(type=1, metric_family_name="m1", help="what", unit="seconds")
    body: bytes = request.SerializeToString()
    return body


def _told(interned: Interned, decoded: Decoded) -> tuple[Any, ...]:
    bits = decoded.samples.values.view(np.uint64).tolist()
    names = [row[:3] for row in interned.told(decoded.samples)]
    return names, bits, decoded.metadata, decoded.refused, decoded.histograms, decoded.exemplars


@given(st.lists(_requests(), min_size=1, max_size=4))
def test_every_order_is_read_as_the_walk_reads_it(bodies: list[bytes]) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for body in [*bodies, *bodies]:
        walked = v1.walk(body, interned, KnownSeries(0)).decoded()
        assert _told(interned, codec.decode_v1(body)) == _told(interned, walked)


@given(st.lists(_requests(), min_size=1, max_size=2), st.data())
def test_damage_is_told_as_the_walk_tells_it(bodies: list[bytes], data: st.DataObject) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for body in bodies:
        codec.decode_v1(body)
    damaged = bytearray(bodies[-1])
    for _ in range(data.draw(st.integers(1, 3))):
        # Near the end of a series, where the shape of its sample is told.
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.sampled_from([0x0A, 0x12, 0x10, 0x09, 0x07, 0x80, 0xFF, *varint(NOW)]))

    def told(decode: Any) -> Any:
        try:
            return _told(interned, decode())
        except InputError as error:
            return str(error)

    content = bytes(damaged)
    assert told(lambda: codec.decode_v1(content)) == told(lambda: v1.walk(content, interned, KnownSeries(0)).decoded())


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("with_zeros", [False, True])
def test_ends_are_found_and_large_requests_take_the_quick_way(samples: int, with_zeros: bool) -> None:
    interned, known = Interned(), Known(2**22)
    rows: list[Row] = [
        (
            {"__name__": "m", "host": f"h{n}", "note": "x" * (n % 170)},
            [(NOW + n % 7 + 1000 * s, 0.0 if with_zeros and n % 3 == 0 else n + 0.1) for s in range(samples)],
        )
        for n in range(900)
    ]
    for seed in range(4):
        shuffled = random.Random(seed).sample(rows, len(rows))
        body = write_request(shuffled).SerializeToString()
        padded = pad(body)
        found = cut(padded, len(body), interned, known)
        assert found is not None
        ended = sample_ends(padded, len(body))
        assert ended is not None
        # Of two zeros in a row one is missed, and the longer look finds both.
        assert np.array_equal(ended[0], found.time_places + 6) or (with_zeros and samples > 1)
        told = [
            interned.by_key[("m", tuple(sorted((k, v) for k, v in labels.items() if k != "__name__" and v)))]
            for labels, _ in shuffled
        ]
        assert found.series.tolist() == np.repeat(told, samples).tolist()


def test_times_more_than_half_an_hour_apart_are_found_by_the_longer_look() -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    rows: list[Row] = [
        ({"__name__": "m", "host": f"h{n}"}, [(TURN + 10**7 * (n % 3 - 1), n + 0.5)]) for n in range(2000)
    ]
    for _ in range(3):
        random.Random(1).shuffle(rows)
        decoded = codec.decode_v1(write_request(rows).SerializeToString())
        assert decoded.samples.ts_ms.tolist() == [samples[0][0] for _, samples in rows]
        assert decoded.samples.values.tolist() == [samples[0][1] for _, samples in rows]


def test_a_large_layout_that_was_met_in_any_order_takes_other_values_and_times() -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    for turn in range(5):
        rows: list[Row] = [
            ({"__name__": "m", "host": f"h{n}", "note": "x" * 60}, [(NOW + 5000 * turn + n % 3, turn + n + 0.5)])
            for n in range(900)
        ]
        decoded = codec.decode_v1(write_request(rows).SerializeToString())
        assert decoded.samples.ts_ms.tolist() == [samples[0][0] for _, samples in rows]
        assert decoded.samples.values.tolist() == [samples[0][1] for _, samples in rows]
