"""Texts with places for labels and the value: ``{{ host }} is {{ value | percent }} full``.

There is nothing else in them, no condition and no loop: what stands in a label, whoever chose it, is put in as it is and never
looked at again. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes, format_count, format_rate, format_ratio, format_seconds

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_INSIDE = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]{0,62})\s*(?:\|\s*([a-z]+)\s*)?")
_VALUE_LIMIT = 200
FORMATS: Mapping[str, Callable[[float | None], str]] = MappingProxyType(
    {
        "bytes": format_bytes,
        "count": format_count,
        "percent": format_ratio,
        "rate": format_rate,
        "duration": format_seconds,
    }
)


def check_template(text: str) -> str:
    """Return what is wrong with ``text``, empty when nothing is."""
    for inside in _PLACE.findall(text):
        found = _INSIDE.fullmatch(inside)
        if found is None:
            return f"cannot read {{{{{inside[:40]}}}}}: write a label or value, and a format behind |"
        if found[2] is not None and found[1] != "value":
            return f"cannot format {found[1]}: only value is a number"
        if found[2] is not None and found[2] not in FORMATS:
            return f"knows no format {found[2]!r}; one of {', '.join(FORMATS)}"
    return ""


def fill(text: str, labels: Mapping[str, str], value: float | None) -> str:
    """Return ``text`` with labels and value put in; a label that is not there leaves an en dash."""

    def put(place: re.Match[str]) -> str:
        found = _INSIDE.fullmatch(place[1])
        if found is None:
            return place[0]
        if found[1] == "value":
            return FORMATS.get(found[2] or "", _number)(value)
        return plain(labels.get(found[1], "–"), _VALUE_LIMIT)

    return _PLACE.sub(put, text)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
