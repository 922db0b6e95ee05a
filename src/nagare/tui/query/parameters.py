"""What is typed for a parameter, as the value it means; the same as ``nagare query -p``."""

from __future__ import annotations

import json
from typing import Any

from nagare.errors import InputError

VALUE_LIMIT = 4096


def value_of(text: str) -> Any:
    """Return 5, 0.9, true and null as what they look like, everything else as text; quotes make a number text. Raises InputError."""
    if len(text) > VALUE_LIMIT:
        raise InputError(f"cannot use parameter: it exceeds {VALUE_LIMIT} letters")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # NaN and the like are no JSON, and no parameter.
    is_plain = not isinstance(value, dict | list) and value == value and value not in (float("inf"), float("-inf"))
    return value if is_plain else text
