"""Remote-write messages as protobuf's own library makes and reads them: the independent encoder of the tests."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = {"string": 9, "double": 1, "int64": 3, "uint32": 13, "bytes": 12, "enum": 13}
_V1 = {
    "Label": [("name", 1, "string"), ("value", 2, "string")],
    "Sample": [("value", 1, "double"), ("timestamp", 2, "int64")],
    "MetricMetadata": [("type", 1, "enum"), ("metric_family_name", 2, "string"), ("help", 4, "string"), ("unit", 5, "string")],
    "TimeSeries": [("labels", 1, "*Label"), ("samples", 2, "*Sample"), ("exemplars", 3, "*bytes"), ("histograms", 4, "*bytes")],
    "WriteRequest": [("timeseries", 1, "*TimeSeries"), ("metadata", 3, "*MetricMetadata")],
}  # fmt: skip
_V2 = {
    "Sample": [("value", 1, "double"), ("timestamp", 2, "int64"), ("start_timestamp", 3, "int64")],
    "Metadata": [("type", 1, "enum"), ("help_ref", 3, "uint32"), ("unit_ref", 4, "uint32")],
    "TimeSeries": [
        ("labels_refs", 1, "*uint32"), ("samples", 2, "*Sample"), ("histograms", 3, "*bytes"),
        ("exemplars", 4, "*bytes"), ("metadata", 5, "Metadata"),
    ],
    "Request": [("symbols", 4, "*string"), ("timeseries", 5, "*TimeSeries")],
}  # fmt: skip


def _classes(package: str, messages: dict[str, list[tuple[str, int, str]]]) -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, members in messages.items():
        message = file.message_type.add(name=name)
        for member, number, kind in members:
            label = 3 if kind.startswith("*") else 1
            plain = kind.lstrip("*")
            field = message.field.add(name=member, number=number, label=label)
            if plain in _TYPES:
                field.type = _TYPES[plain]
            else:
                field.type, field.type_name = 11, f".{package}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


V1 = _classes("prometheus_test", _V1)
V2 = _classes("prometheus_test_v2", _V2)

Row = tuple[dict[str, str], list[tuple[int, float]]]


def write_request(rows: list[Row]) -> Any:
    """Return a 1.0 request of series, each with its samples."""
    request = V1["WriteRequest"]()
    for labels, samples in rows:
        series = request.timeseries.add()
        for name, text in labels.items():
            series.labels.add(name=name, value=text)
        for ts, value in samples:
            series.samples.add(timestamp=ts, value=value)
    return request


def request_v2(rows: list[Row]) -> Any:
    """Return a 2.0 request of series, each with its samples."""
    request = V2["Request"]()
    symbols: dict[str, int] = {"": 0}
    for labels, samples in rows:
        series = request.timeseries.add()
        for text in (text for pair in labels.items() for text in pair):
            series.labels_refs.append(symbols.setdefault(text, len(symbols)))
        for ts, value in samples:
            series.samples.add(timestamp=ts, value=value)
    request.symbols.extend(symbols)
    return request
