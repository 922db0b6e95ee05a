"""OpenTelemetry names to names of series, as Prometheus's own OTLP receiver makes them: underscores and unit suffixes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nagare.wire.codec import encode

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_UNLAWFUL_NAME = re.compile(r"[^a-zA-Z0-9_:]+")
_UNLAWFUL_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "%": "percent", "1": "",
}  # fmt: skip
_PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


@lru_cache(4096)
def metric_name(name: str, unit: str, *, is_counter: bool, is_gauge: bool) -> str:
    """Return the name of the series of an instrument: its unit and ``_total`` at the end unless they stand there already."""
    words = [word for word in _UNLAWFUL_NAME.sub("_", name).split("_") if word]
    for word in _unit_words(unit):
        if word not in words:
            words.append(word)
    if is_gauge and unit == "1" and "ratio" not in words:
        words.append("ratio")
    if is_counter:
        words = [word for word in words if word != "total"] + ["total"]
    made = "_".join(words)
    return f"_{made}" if made[:1].isdigit() else made


def unit_name(unit: str) -> str:
    """Return the unit as it stands in a metric's name."""
    return "_".join(_unit_words(unit))


@lru_cache(8192)
def label_name(key: str) -> str:
    """Return ``key`` as a label's name."""
    made = _UNLAWFUL_LABEL.sub("_", key)
    return f"key_{made}" if made[:1].isdigit() else made


def label_value(value: AnyValue) -> str:
    """Return an attribute's value as text; lists and maps as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "int_value":
        return str(value.int_value)
    if kind == "double_value":
        return repr(value.double_value)
    return "" if kind is None else encode(_plain(value)).decode()


def labels_of(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Return attributes as labels; values whose keys become one name are joined, in the order of the keys."""
    labels: dict[str, str] = {}
    for attribute in sorted(attributes, key=lambda each: each.key):
        name, value = label_name(attribute.key), label_value(attribute.value)
        labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def _unit_words(unit: str) -> tuple[str, ...]:
    whole, slash, per = unit.partition("/")
    # Braces hold an annotation, not a unit.
    words = [] if whole[:1] == "{" else [_UNITS.get(whole, _UNLAWFUL_NAME.sub("_", whole).strip("_"))]
    if slash and per and per[:1] != "{":
        words += ["per", _PER.get(per, _UNLAWFUL_NAME.sub("_", per).strip("_"))]
    return tuple(word for word in words if word)


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None if kind is None else getattr(value, kind)
