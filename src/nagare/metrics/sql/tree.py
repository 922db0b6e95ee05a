"""A statement's parse tree, as DuckDB tells it, walked without recursion: depth is the caller's to choose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_INNER = (dict, list)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of ``tree``, itself included, in no promised order."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            # A comprehension and exact types: this is half of all walks.
            stack.extend([value for value in node.values() if value and type(value) in _INNER])
        elif isinstance(node, list):
            stack.extend(node)
