"""Takes values out of foreign JSON, whose shape nobody promises: a wrong type is an absent value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_LARGEST = 2**63 - 1


def parse_json(raw: bytes) -> Any:
    """Return the value, or None when it is not JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def dig(tree: Any, *keys: str) -> Any:
    """Return what stands below ``keys``, or None."""
    for key in keys:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(key)
    return tree


def dig_number(tree: Any, *keys: str) -> float | int | None:
    """Return the number below ``keys``, or None; truth values are no numbers, nor is what 64 bits do not hold."""
    value = dig(tree, *keys)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= _LARGEST else None


def dig_integer(tree: Any, *keys: str) -> int | None:
    """Return the integer below ``keys``, or None."""
    value = dig_number(tree, *keys)
    return value if isinstance(value, int) else None


def dig_text(tree: Any, *keys: str) -> str | None:
    """Return the text below ``keys`` cut to 255 characters and storable, or None for none or an empty one."""
    value = dig(tree, *keys)
    if not isinstance(value, str) or not value:
        return None
    return value[:255].encode("utf-8", "replace").decode()


def dig_dicts(tree: Any, *keys: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in the list below ``keys``."""
    value = dig(tree, *keys)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item
