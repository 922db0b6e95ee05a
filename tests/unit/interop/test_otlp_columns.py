"""The quick ways through an OTLP request tell exactly what the walk over OpenTelemetry's own messages tells, or leave it to it."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from nagare.errors import InputError
from nagare.interop.otlp.codec import OtlpCodec, OtlpDecoded
from nagare.interop.otlp.delta import DeltaChanges, Totals
from nagare.interop.otlp.known import KnownPoints
from nagare.interop.otlp.messages import PROTOBUF, read_request
from nagare.interop.otlp.walk import Walk
from tests.support.interned import Interned
from tests.support.otlp_requests import (
    NOW_MS,
    add_attribute,
    add_unknown,
    attributes_first,
    make_request,
    metrics_of,
    points_of,
    renumber,
    shuffle_points,
)

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_SEEDS = st.integers(0, 2**32 - 1)


class Walker:
    """What the walk alone tells, request after request."""

    def __init__(self, limit: int = 10**6) -> None:
        self.interned = Interned(limit)
        self.totals = Totals()
        self._known = KnownPoints(2**20)

    def decode(self, body: bytes) -> OtlpDecoded:
        request = read_request(body, PROTOBUF)
        walk = Walk(self.interned, self.totals, self._known, NOW_MS)
        for resource in request.resource_metrics:
            walk.resource(resource)
        said = tuple(walk.said.values())
        return OtlpDecoded(walk.rows.samples(), said, walk.points, walk.rejected, walk.reason, walk.changes)


class Pair:
    """The codec beside the walk."""

    def __init__(self, limit: int = 10**6, memory_bytes: int = 2**22) -> None:
        self.interned = Interned(limit)
        self.codec = OtlpCodec(self.interned, memory_bytes)
        self.walker = Walker(limit)

    def check(self, body: bytes, *, is_stored: bool = True) -> OtlpDecoded | None:
        """Check that both tell the same of ``body``."""
        try:
            expected = self.walker.decode(body)
        except InputError:
            with pytest.raises(InputError):
                self.codec.decode(body, PROTOBUF, NOW_MS)
            return None
        found = self.codec.decode(body, PROTOBUF, NOW_MS)
        assert _told(self.interned, found) == _told(self.walker.interned, expected)
        assert _changed(self.interned, found.changes) == _changed(self.walker.interned, expected.changes)
        if is_stored:
            self.codec.commit(found)
            self.walker.totals.commit(expected.changes)
        return found


def _told(interned: Interned, decoded: OtlpDecoded) -> Any:
    rows = [row[:3] for row in interned.told(decoded.samples)]
    bits = decoded.samples.values.view(np.uint64).tolist()
    return rows, bits, decoded.metadata, decoded.points, decoded.rejected, decoded.reason


def _changed(interned: Interned, changes: DeltaChanges) -> Any:
    keys = list(interned.by_key)
    return {keys[series]: (total.value, total.time_ns) for series, total in changes.totals.items()}


@given(_SEEDS)
def test_the_quick_ways_tell_what_the_walk_tells(seed: int) -> None:
    chance = Random(seed)
    pair, request = Pair(), make_request(chance)
    encode = attributes_first if chance.random() < 0.5 else ExportMetricsServiceRequest.SerializeToString
    for change in (None, shuffle_points, add_attribute, add_unknown if chance.random() < 0.2 else None):
        if change:
            change(chance, request)
        for _ in range(4):  # learned, known, remembered as a layout
            pair.check(encode(request), is_stored=chance.random() < 0.9)
            renumber(chance, request)


@given(_SEEDS)
def test_series_beyond_the_limit_are_refused_alike(seed: int) -> None:
    chance = Random(seed)
    pair, request = Pair(limit=3), make_request(chance)
    for _ in range(4):
        pair.check(request.SerializeToString())
        renumber(chance, request)


@given(_SEEDS, st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_requests_of_a_known_layout(seed: int, flips: list[tuple[int, int]]) -> None:
    chance = Random(seed)
    pair, request = Pair(), make_request(chance)
    body = attributes_first(request) if chance.random() < 0.5 else request.SerializeToString()
    for _ in range(3):
        pair.check(body)
    damaged = bytearray(body)
    for place, byte in flips if body else ():
        damaged[place % len(body)] = byte
        pair.check(bytes(damaged))
    pair.check(body)


@given(st.binary(max_size=60))
def test_arbitrary_bytes(body: bytes) -> None:
    pair = Pair()
    for _ in range(3):
        pair.check(b"\x0a" + bytes([len(body)]) + body)
        pair.check(body)


def _usual(values: list[float], *, name: str = "heat", host: str = "web1") -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add()
    whole.resource.attributes.add(key="host.name").value.string_value = host
    whole.resource.attributes.add(key="os.type").value.string_value = "linux"
    metrics = whole.scope_metrics.add().metrics
    gauge, histogram = metrics.add(name=name).gauge, metrics.add(name="wait").histogram
    histogram.aggregation_temporality = 2
    for core, value in enumerate(values):
        point = gauge.data_points.add(as_double=value, time_unix_nano=(NOW_MS + core) * 10**6)
        point.attributes.add(key="core").value.string_value = str(core)
    histogram.data_points.add(count=3, sum=value, bucket_counts=[1, 2], explicit_bounds=[1], time_unix_nano=10**18)
    return request


@pytest.mark.parametrize("count", [1, 500])
def test_a_layout_takes_other_values_and_no_other_series(count: int) -> None:
    pair = Pair()
    for turn in range(3):
        body = _usual([turn + at / 8 for at in range(count)]).SerializeToString()
        assert (pair.codec.find(body, PROTOBUF, NOW_MS) is not None) == (turn == 2)
        pair.check(body)
    calls = pair.interned.calls
    pair.check(_usual([5.0 + at for at in range(count)]).SerializeToString())
    assert pair.interned.calls == calls
    for other in (_usual([1.0] * count, host="web2"), _usual([1.0] * count, name="hear")):
        assert pair.codec.find(other.SerializeToString(), PROTOBUF, NOW_MS) is None
        pair.check(other.SerializeToString())
    assert pair.interned.calls > calls


def test_a_time_that_becomes_zero_is_the_servers() -> None:
    pair = Pair()
    body = _usual([1.0, 2.0]).SerializeToString()
    for _ in range(3):
        pair.check(body)
    zero = body.replace((NOW_MS * 10**6).to_bytes(8, "little"), bytes(8))
    assert zero != body
    assert pair.codec.find(zero, PROTOBUF, NOW_MS) is not None
    pair.check(zero)


def test_requests_of_one_length_and_one_resource_are_kept_apart() -> None:
    pair = Pair()
    bodies = [_usual([1.0], name=f"heat_{letter}").SerializeToString() for letter in "abcd"]
    for _ in range(3):
        for body in bodies:
            pair.check(body)
    assert all(pair.codec.find(body, PROTOBUF, NOW_MS) is not None for body in bodies)


def test_deltas_are_no_business_of_the_quick_look() -> None:
    pair = Pair()
    request = _usual([1.0])
    for metric in metrics_of(request)[1:]:
        metric.histogram.aggregation_temporality = DELTA
    for turn in range(4):
        for point in points_of(request):
            point.time_unix_nano = (NOW_MS + turn) * 10**6
        found = pair.check(request.SerializeToString())
        assert found is not None
        assert found.changes.totals
        assert pair.codec.find(request.SerializeToString(), PROTOBUF, NOW_MS) is None
    # The same report again was counted already; it is neither stored again nor refused.
    again = pair.check(request.SerializeToString())
    assert again is not None
    assert len(again.samples) == 2


def test_memory_stays_within_its_bound() -> None:
    pair = Pair(memory_bytes=2**16)
    for turn in range(40):
        body = _usual([1.0] * 20, host=f"web{turn % 20:02}").SerializeToString()
        for _ in range(2):
            pair.check(body)
        assert pair.codec.held_bytes <= 2**16


def test_points_lie_where_a_byte_could_be_taken_for_a_tag() -> None:
    pair = Pair()
    for text in ("\x19abcdefgh!abcdefgh", "\x11abcdefgh\x19abcdefgh", "!" * 9, "\x19" * 30):
        request = _usual([1.0, 2.0])
        for point in points_of(request):
            point.attributes.add(key="t").value.string_value = text
        for encode in (attributes_first, ExportMetricsServiceRequest.SerializeToString):
            for _ in range(3):
                pair.check(encode(request))


def _bytes(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_a_point_that_is_cut_short_takes_nothing_from_behind_it() -> None:
    """Behind the points of the sum stands an unknown field with the tag of a value."""
    pair, time, number = Pair(), b"\x19" + bytes(7) + b"\x11", b"\x21" + bytes(6) + b"\xf0\x3f"
    for point, rejected in ((time + number, 0), (time, 1)):
        metric = _bytes(1, b"heat") + _bytes(7, _bytes(1, point) + number)
        for _ in range(3):
            found = pair.check(_bytes(1, _bytes(2, _bytes(2, metric))))
            assert found is not None
            assert found.rejected == rejected


def test_another_start_is_the_same_layout() -> None:
    pair = Pair()
    for turn in range(4):
        request = _usual([1.0, 2.0])
        for point in points_of(request):
            point.start_time_unix_nano = 10**18 + turn
        body = request.SerializeToString()
        assert (pair.codec.find(body, PROTOBUF, NOW_MS) is not None) == (turn >= 2)
        pair.check(body)


def test_deltas_count_in_the_order_in_which_they_stand() -> None:
    """The second is of the same series, of a kind that only the walk reads, and older."""
    pair = Pair()
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    first, second = metrics.add(name="e_count").sum, metrics.add(name="e").exponential_histogram
    first.aggregation_temporality = second.aggregation_temporality = DELTA
    first.data_points.add(as_int=3, time_unix_nano=2 * 10**18)
    second.data_points.add(count=4, time_unix_nano=10**18)
    for _ in range(3):
        found = pair.check(request.SerializeToString(), is_stored=False)
        assert found is not None
        assert found.rejected == 1


def test_counts_that_no_column_can_add_up() -> None:
    pair = Pair()
    request = _usual([1.0])
    for point in points_of(request)[1:]:
        point.bucket_counts[:] = [2**62] * 4
        point.explicit_bounds[:] = [1.0, 2.0, 3.0]
    for _ in range(4):
        pair.check(request.SerializeToString())


def test_a_delta_that_ended_adds_nothing() -> None:
    pair = Pair()
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests").sum
    metric.aggregation_temporality = DELTA
    for turn in range(6):
        del metric.data_points[:]
        metric.data_points.add(as_int=1, time_unix_nano=10**18 + turn, flags=turn % 2)
        pair.check(request.SerializeToString())


def test_a_refusal_is_not_remembered() -> None:
    pair = Pair(limit=2)
    body = _usual([1.0, 2.0, 3.0]).SerializeToString()
    for turn in range(5):
        if turn == 4:
            pair.interned.limit = pair.walker.interned.limit = 100
        found = pair.check(body)
        assert found is not None
        assert bool((found.samples.series < 0).any()) == (turn < 4)
