"""The same fleet as OTLP metrics in protobuf, as a collector sends it: a resource for each host, its points below their metric.

Written from the protocol alone, apart from ``interop``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

import numpy as np

from tests.support.flood import Request
from tests.support.node_fleet import Fleet
from tests.support.node_samples import KINDS, host_name
from tests.support.write_layout import varint

HEADERS = {"Content-Type": "application/x-protobuf"}
_RESOURCE_LABELS = ("datacenter", "region")
# NumberDataPoint{attributes=7, time_unix_nano=3 fixed64, as_double=4 double}
_TIME_TAG, _VALUE_TAG = b"\x19", b"\x21"


class _Message(NamedTuple):
    """Encoded bytes, and where in them the numbers of points begin."""

    bytes: bytes
    places: list[int]


def _join(messages: list[_Message]) -> _Message:
    places, size = [], 0
    for message in messages:
        places += [size + place for place in message.places]
        size += len(message.bytes)
    return _Message(b"".join(message.bytes for message in messages), places)


def _field(tag: int, content: _Message | bytes) -> _Message:
    message = content if isinstance(content, _Message) else _Message(content, [])
    head = bytes([tag << 3 | 2]) + varint(len(message.bytes))
    return _Message(head + message.bytes, [place + len(head) for place in message.places])


def _attributes(tag: int, pairs: Mapping[str, str]) -> list[_Message]:
    made = []
    for key, value in pairs.items():
        text = _field(2, _field(1, value.encode()))
        made.append(_field(tag, _join([_field(1, key.encode()), text])))
    return made


def _point(attributes: Mapping[str, str]) -> _Message:
    labels = _join(_attributes(7, attributes))
    return _Message(labels.bytes + _TIME_TAG + bytes(8) + _VALUE_TAG + bytes(8), [len(labels.bytes)])


def _metric(name: str, points: list[_Message]) -> _Message:
    content = [_field(1, point) for point in points]
    if not name.endswith("_total"):
        return _join([_field(1, name.encode()), _field(5, _join(content))])
    # Sum{aggregation_temporality=2 cumulative, is_monotonic=true}
    return _join([_field(1, name.encode()), _field(7, _join([*content, _Message(b"\x10\x02\x18\x01", [])]))])


def _resource(fleet: Fleet, host: int) -> _Message:
    first = host * len(KINDS)
    numbers = sorted(range(first, first + len(KINDS)), key=lambda number: fleet.series[number].name)
    metrics = []
    for name, members in groupby(numbers, key=lambda number: fleet.series[number].name):
        points = [_point(dict(KINDS[number - first].labels)) for number in members]
        metrics.append(_field(2, _metric(name, points)))
    labels = {label: value for label, value in fleet.series[first].labels if label in _RESOURCE_LABELS}
    about = _join(_attributes(1, {"host.name": host_name(host), "service.name": "node", **labels}))
    return _field(1, _join([_field(1, about), _field(2, _join(metrics))]))


def exports(fleet: Fleet, lanes: int) -> Iterator[Request]:
    """Yield a request for each tick and lane."""
    layouts = []
    order = np.concatenate([sorted(range(h * len(KINDS), (h + 1) * len(KINDS)), key=lambda n: fleet.series[n].name) for h in range(fleet.hosts)])  # fmt: skip
    for lane in range(lanes):
        part = fleet.part(lane, lanes)
        hosts = range(int(part[0]) // len(KINDS), int(part[-1]) // len(KINDS) + 1)
        whole = _join([_resource(fleet, host) for host in hosts])
        places = np.array(whole.places)[:, None]
        layouts.append((np.frombuffer(whole.bytes, np.uint8).copy(), places + np.arange(1, 9), order[part]))
    for tick in range(fleet.ticks):
        for lane, (made, times_at, numbers) in enumerate(layouts):
            nanoseconds = fleet.times(tick, numbers) * 1_000_000
            made[times_at] = nanoseconds.astype("<u8").view(np.uint8).reshape(-1, 8)
            made[times_at + 9] = fleet.values[numbers, tick].astype("<f8").view(np.uint8).reshape(-1, 8)
            yield Request(made.tobytes(), lane, len(numbers))
