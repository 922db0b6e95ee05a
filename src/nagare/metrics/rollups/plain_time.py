"""Moments and spans in the forms in which people and programs write them, read without asking DuckDB.

Asking costs a millisecond, as much as a small query itself. What has any other form is left to DuckDB, which knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nagare.metrics.rollups.shape import Node

Parameters = Sequence[Any] | Mapping[str, Any] | None

# As DuckDB writes times itself: no zone, no words, and so one meaning.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?")
_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_NS"})
# Sessions of the engine are in UTC, so that the zone is no part of the meaning.
_CLOCK_TIMES = _TIMES | {"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_MS"}
_DATE_LENGTH = 10
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  UTC, as the engine's sessions are
_INTEGER = re.compile(r"-?\d{1,15}")
_SMALL_INTEGER = re.compile(r"\d{1,9}")
_OF_MILLISECONDS = frozenset({"make_timestamp_ms", "epoch_ms"})
_CLOCKS = frozenset({"now", "get_current_timestamp", "transaction_timestamp"})
# Of one length wherever they begin, in microseconds.
_SPANS = {
    "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000,
    "week": 604_800_000_000,
}  # fmt: skip
_SPAN = re.compile(r"(\d{1,9}) (" + "|".join(_SPANS) + r")s?")
# A span of more is left to DuckDB, which knows what lies within its times.
_LONGEST_SPAN_US = 10 * 366 * 86_400_000_000
_LARGEST_MS = 10**14


def plain_moment(node: Node, params: Parameters = None, now_us: int | None = None) -> int | None:
    """Return the moment of ``node`` in microseconds, None when its form is not plain; ``now_us`` is that of the clock."""
    kind = node.get("class")
    if kind == "CAST" and not node.get("try_cast"):
        return _cast(node, now_us)
    if kind == "CONSTANT" and (node.get("literal") or {}).get("kind") == "STRING":
        return _of_text(_literal(node, _TIME))
    return _function(node, params, now_us) if kind == "FUNCTION" else None


def plain_span(node: Node) -> int | None:
    """Return the length of the interval ``node`` in microseconds, None when its form is not plain."""
    count: str | None
    if node.get("class") == "CAST" and not node.get("try_cast"):
        if _type(node) != "INTERVAL":
            return None
        match = _SPAN.fullmatch(_literal(node.get("child"), _SPAN) or "")
        count, unit = (match[1], match[2]) if match else (None, "")
    elif node.get("class") == "FUNCTION":
        name, given = _call(node)
        unit = name.removeprefix("to_").removesuffix("s")
        is_span = name == f"to_{unit}s" and unit in _SPANS and len(given) == 1
        count = _literal(_bare(given[0]), _SMALL_INTEGER) if is_span else None
    else:
        return None
    found = None if count is None else int(count) * _SPANS[unit]
    return found if found is not None and found <= _LONGEST_SPAN_US else None


def plain_number(node: Node) -> int | None:
    """Return the whole number that ``node`` is, None when it is anything else."""
    text = _literal(node, _INTEGER)
    return None if text is None else int(text)


def _function(node: Node, params: Parameters, now_us: int | None) -> int | None:
    name, given = _call(node)
    if name in _OF_MILLISECONDS and len(given) == 1:
        at_ms = _whole_number(given[0], params)
        return None if at_ms is None else at_ms * 1000
    if name in _CLOCKS and not given:
        return now_us
    # A text is not yet a time where it stands beside an operator.
    if name not in ("+", "-") or len(given) != 2 or given[0].get("class") == "CONSTANT":
        return None
    at_us, span_us = plain_moment(given[0], params, now_us), plain_span(given[1])
    if at_us is None or span_us is None:
        return None
    return at_us + span_us if name == "+" else at_us - span_us


def _cast(node: Node, now_us: int | None) -> int | None:
    type_name, child = _type(node), node.get("child")
    if isinstance(child, dict) and child.get("class") == "FUNCTION":
        is_clock = type_name in _CLOCK_TIMES and _call(child)[0] in _CLOCKS and not _call(child)[1]
        # The clock's own microseconds are cut off by this one.
        return now_us if is_clock and type_name != "TIMESTAMP_MS" else None
    text = _literal(child, _TIME)
    is_time = type_name in _TIMES or (type_name == "DATE" and len(text or "") == _DATE_LENGTH)
    return _of_text(text) if is_time else None


def _whole_number(node: Node, params: Parameters) -> int | None:
    if node.get("class") == "PARAMETER":
        value = parameter(params, str(node.get("identifier", "")))
        is_plain = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_MS
        return value if is_plain else None
    return plain_number(node)


def _bare(node: Node) -> Node:
    """Return what is left of ``node`` without what DuckDB puts around the number of INTERVAL 5 MINUTE."""
    while node.get("class") == "CAST" and not node.get("try_cast"):
        child = node["child"]
        if child.get("class") == "FUNCTION" and _call(child)[0] == "trunc" and len(_call(child)[1]) == 1:
            child = _call(child)[1][0]
        node = child
    return node


def _type(node: Node) -> str:
    return str((node.get("type_expr") or {}).get("type_name")).upper()


def _call(node: Node) -> tuple[str, list[Node]]:
    return str(node.get("function_name")).lower(), [each["expression"] for each in node.get("arguments") or ()]


def _literal(node: Any, form: re.Pattern[str]) -> str | None:
    if not isinstance(node, Mapping) or node.get("class") != "CONSTANT":
        return None
    text = str((node.get("literal") or {}).get("text", ""))
    return text if form.fullmatch(text) else None


def _of_text(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        return None


def parameter(params: Parameters, identifier: str) -> Any:
    """Return the parameter that is called so, None without one."""
    if isinstance(params, Mapping):
        return params.get(identifier)
    place = int(identifier) - 1 if identifier.isdecimal() else -1
    return params[place] if params is not None and 0 <= place < len(params) else None
