"""JSON that a model or its provider wrote: foreign, so it is read with bounds and without surprise."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

# More of anything is nothing that a model can have counted.
COUNT_MOST = 2**31 - 1
# Local models think aloud before they answer, and fence what they write.
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


def parse_object(text: str | bytes) -> dict[str, Json] | None:
    """Return the JSON object that ``text`` is, or None where it is none."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        # Bytes that are no UTF-8 are a ValueError, too.
        return None
    return value if isinstance(value, dict) else None


def find_object(text: str) -> dict[str, Json] | None:
    """Return the JSON object that a model wrote, though thoughts, a fence or words stand around it; None where there is none."""
    rest = _THOUGHT.sub("", text).strip()
    if (whole := parse_object(rest)) is not None:
        return whole
    if (fenced := _FENCE.search(rest)) is not None and (inner := parse_object(fenced[1])) is not None:
        return inner
    begin, end = rest.find("{"), rest.rfind("}")
    return parse_object(rest[begin : end + 1]) if 0 <= begin < end else None


def as_object(value: Json) -> dict[str, Json]:
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str:
    """Return ``value`` if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def as_count(value: Json) -> int:
    """Return ``value`` if it is a whole number above nothing, else zero; at most ``COUNT_MOST``."""
    return min(value, COUNT_MOST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _refuse(constant: str) -> Json:
    # NaN and the infinities are no JSON.
    raise ValueError(constant)
