"""Requests that real senders sent, as they came over the wire."""

import math
from pathlib import Path
from typing import Any

import pytest

from nagare.interop.masked import pad
from nagare.interop.remote_write.codec import RemoteWriteCodec
from nagare.interop.remote_write.columns_v1 import Known, cut
from nagare.interop.remote_write.packing import snappy_length, unpack_padded
from tests.support.interned import Interned, same
from tests.support.remote_write import V1

FOLDER = Path(__file__).parents[2] / "captured" / "remote_write"


def _body(name: str) -> bytes:
    packed = (FOLDER / name).read_bytes()
    length = snappy_length(packed, 2**20)
    return unpack_padded(packed, length)[:length].tobytes()


def _sent(message: Any) -> list[tuple[str, dict[str, str], int, float]]:
    rows = []
    for series in message.timeseries:
        labels = {label.name: label.value for label in series.labels}
        name = labels.pop("__name__")
        rows += [(name, labels, sample.timestamp, sample.value) for sample in series.samples]
    return rows


@pytest.mark.parametrize("sender", ["prometheus-2.42", "vmagent-1.79"])
def test_three_requests_of_a_sender(sender: str) -> None:
    interned = Interned()
    codec = RemoteWriteCodec(interned)
    sent: list[tuple[str, dict[str, str], int, float]] = []
    for number in range(3):
        body = _body(f"{sender}-{number}.snappy")
        sent = _sent(V1["WriteRequest"].FromString(body))
        assert len(sent) >= 13
        for _ in range(3):
            decoded = codec.decode_v1(body)
            assert same(interned.told(decoded.samples), sent)
            assert (decoded.refused, decoded.histograms) == ({}, 0)
        assert cut(pad(body), len(body), interned, Known(2**20)) is not None, "the quick way takes what it sends"
    names = {name: value for name, labels, _, value in sent if labels.get("state") != "failed"}
    assert names["jobs_total"] == 3.0
    assert names["temperature_celsius"] == -1.5
    assert math.isnan(names["odd_value"])


def test_metadata_of_prometheus() -> None:
    decoded = RemoteWriteCodec(Interned()).decode_v1(_body("prometheus-2.42-metadata.snappy"))
    told = {entry.name: (entry.type, entry.help) for entry in decoded.metadata}
    assert told["jobs_total"] == ("counter", "Jobs that ended.")
    assert told["wait_seconds"][0] == "histogram"
