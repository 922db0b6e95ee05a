"""Whether a statement may read a column: what it surely does not read need not be looked up for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

# What stands for columns without naming them.
_IMPLICIT = frozenset({"STAR", "PIVOT", "POSITIONAL_REFERENCE", "NATURAL"})


def named_columns(tree: Mapping[str, Any], tables: Collection[str]) -> frozenset[str] | None:
    """Return the names, in lower case, that the statement of ``tree`` may read of ``tables``; None when it may be any.

    A star, a natural join, new names for all columns, and a whole row by the name of its table read every column.
    """
    rows = {table.lower() for table in tables}
    stack: list[Any] = [tree]
    references: list[list[str]] = []
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            if _is_implicit(node):
                return None
            if node.get("type") == "BASE_TABLE":
                rows.add(str(node.get("alias") or "").lower())
            references += _references(node)
            stack.extend(value for value in node.values() if isinstance(value, (dict, list)))
    if any(len(path) == 1 and path[0] in rows for path in references):
        return None
    return frozenset(part for path in references for part in path)


def _is_implicit(node: Mapping[str, Any]) -> bool:
    named = (node.get("type"), node.get("class"), node.get("ref_type"))
    if any(isinstance(name, str) and name in _IMPLICIT for name in named):
        return True
    return node.get("type") == "BASE_TABLE" and bool(node.get("column_name_alias"))


def _references(node: Mapping[str, Any]) -> list[list[str]]:
    found = [[str(name).lower()] for name in node.get("using_columns") or ()]
    if node.get("class") == "COLUMN_REF":
        found.append([str(part).lower() for part in node.get("column_names", ())])
    return found
