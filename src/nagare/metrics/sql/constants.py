"""Which arguments of a call must be constants in the statement or its parameters, and how much they multiply.

A count, a replacement, a separator or a pattern decides how large a value or how slow a call becomes; only as a
constant can it be judged before the statement runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nagare.errors import QuerySyntaxError
from nagare.metrics.sql import growth
from nagare.metrics.sql.functions import BOUNDED

Parameters = Sequence[Any] | Mapping[str, Any] | None
_REPETITION = re.compile(r"\{(\d*),?(\d*)\}")
_REPETITION_LIMIT = 256


class Constants:
    """Looks constants up, in the tree or in the parameters."""

    def __init__(self, parameters: Parameters) -> None:
        """Take values of placeholders from ``parameters``."""
        self._parameters = parameters or ()

    def text(self, node: Mapping[str, Any]) -> str | None:
        """Return the constant that ``node`` is, as text; None if it is none."""
        if node.get("class") == "CONSTANT":
            literal = node.get("literal") or {}
            return str(literal.get("text", "")) if literal.get("kind") in {"STRING", "INTEGER", None} else None
        if node.get("class") == "PARAMETER":
            value = self._parameter(str(node.get("identifier", "")))
            return None if value is None else str(value)
        return None

    def length(self, node: Mapping[str, Any]) -> int:
        """Return how long the constant in ``node`` is, of whatever kind."""
        if node.get("class") == "CONSTANT":
            return len(str((node.get("literal") or {}).get("text", "")))
        return len(self.text(node) or "")

    def _parameter(self, identifier: str) -> Any:
        if isinstance(self._parameters, Mapping):
            return self._parameters.get(identifier)
        place = int(identifier) - 1 if identifier.isdecimal() and len(identifier) < 6 else -1
        return self._parameters[place] if 0 <= place < len(self._parameters) else None

    def check_call(self, name: str, arguments: Sequence[Mapping[str, Any]]) -> None:
        """Raise QuerySyntaxError if an argument that must be a constant is none, or too large a one."""
        if name in growth.SHORT and len(arguments) > growth.SHORT[name]:
            self._check_short(name, self.text(arguments[growth.SHORT[name]]))
        if name in growth.PATTERNS and len(arguments) > growth.PATTERNS[name]:
            self._check_pattern(name, self.text(arguments[growth.PATTERNS[name]]))
        if name in growth.JSON_PATHS:
            for argument in arguments[1:]:
                self._check_path(name, self.text(argument))
        if name in growth.SERIES:
            for argument in arguments:
                self._small(name, argument, "outside FROM its arguments", growth.SERIES_LIMIT)

    def counted(self, name: str, arguments: Sequence[Mapping[str, Any]]) -> int | None:
        """Return how many values ``name`` is asked for, None for one. Raises QuerySyntaxError for many."""
        place = growth.COUNTED.get(name)
        if place is None or len(arguments) <= place:
            return None
        return self._small(name, arguments[place], "its count", growth.SERIES_LIMIT)

    def product(self, name: str, arguments: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> int:
        """Return how large the value of a call may be whose arguments may have ``sizes``."""
        if name in growth.SERIES:
            return growth.FIXED * (1 + sum(int(self.text(argument) or 0) for argument in arguments))
        if name in BOUNDED and len(arguments) > 1:
            count = int(self.text(arguments[1]) or 0)
            return sizes[0] * max(1, count) if name == "repeat" else sizes[0] + 4 * count
        if name == "strftime":
            return 32 * max(sizes, default=0)
        if name in growth.SHORT and len(arguments) > growth.SHORT[name]:
            times = max(1, len(self.text(arguments[growth.SHORT[name]]) or ""))
            return sum(sizes) + len(sizes) * times if name == "concat_ws" else sizes[0] * times
        self.counted(name, arguments)
        return growth.FIXED + sum(sizes) * growth.FACTORS.get(name, growth.UNKNOWN_FACTOR)

    def _small(self, name: str, argument: Mapping[str, Any], what: str, limit: int) -> int:
        text = self.text(argument) or ""
        if not text.isdecimal() or len(text) > 6 or int(text) > limit:
            raise QuerySyntaxError(
                f"cannot call {name}(): {what} must be whole numbers of at most {limit}",
                hint=f"write it in FROM: FROM {name}(…)" if name in growth.SERIES else "",
            )
        return int(text)

    def _check_short(self, name: str, text: str | None) -> None:
        if text is None or len(text) > growth.LITERAL_LIMIT:
            raise QuerySyntaxError(
                f"cannot call {name}(): argument {growth.SHORT[name] + 1} must be a constant of at most "
                f"{growth.LITERAL_LIMIT} characters"
            )

    def _check_pattern(self, name: str, text: str | None) -> None:
        if text is None or len(text) > growth.PATTERN_LIMIT:
            raise QuerySyntaxError(
                f"cannot call {name}(): its pattern must be a constant of at most {growth.PATTERN_LIMIT} characters"
            )
        counts = (int(count) for found in _REPETITION.findall(text) for count in found if count)
        if sum(counts) > _REPETITION_LIMIT:
            raise QuerySyntaxError(
                f"cannot call {name}(): its pattern repeats more than {_REPETITION_LIMIT} times", hint="use * or +"
            )

    def _check_path(self, name: str, text: str | None) -> None:
        if text is None or "*" in text or ".." in text:
            raise QuerySyntaxError(f"cannot call {name}(): its path must be a constant without wildcards")
