"""What the constants of a statement stand for, asked of DuckDB itself, so that a text means here what it means there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from nagare.metrics.rollups.shape import TEMPLATES, Node

# A statement of one SELECT without FROM, as DuckDB writes it down.
_SELECT: Mapping[str, Any] = {
    "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []}, "from_table": {"type": "EMPTY", "alias": "", "sample": None},
    "where_clause": None, "group_expressions": [], "group_sets": [], "aggregate_handling": "STANDARD_HANDLING",
    "having": None, "sample": None, "qualify": None,
}  # fmt: skip


class Asking:
    """Asks about parts of one statement, whose parameters are ``params``."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, params: Any) -> None:
        """Ask on ``cursor``."""
        self._cursor = cursor
        self._params = params

    def templates(self) -> list[Node]:
        """Return the nodes of TEMPLATES. Raises duckdb.Error."""
        sql = f"SELECT {', '.join(TEMPLATES)}"
        row = self._cursor.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchone()
        found: list[Node] = json.loads(row[0] if row else "{}")["statements"][0]["node"]["select_list"]
        return found

    def text(self, tree: Mapping[str, Any]) -> str:
        """Return the statement that ``tree`` is. Raises duckdb.Error."""
        document = {"error": False, "statements": [{"node": tree, "named_param_map": []}]}
        row = self._cursor.execute("SELECT json_deserialize_sql(CAST(? AS JSON))", [json.dumps(document)]).fetchone()
        return str(row[0]) if row else ""

    def name(self, item: Node) -> str:
        """Return what DuckDB calls a column that is selected as ``item`` without a name. Raises duckdb.Error."""
        if item.get("class") == "COLUMN_REF":
            return str(item["column_names"][-1])
        return self.text({**_SELECT, "select_list": [item]}).removeprefix("SELECT ")

    def moment(self, node: Node) -> int | None:
        """Return the moment that ``node`` stands for, in microseconds; None when nobody knows."""
        return self._number(f"epoch_us(CAST(({self._of(node)}) AS TIMESTAMP))", node)

    def common_width(self, widths: Iterable[tuple[str, Any]]) -> int | None:
        """Return the greatest width in milliseconds that all ``widths`` are multiples of, zero without any; None if unknown."""
        common = 0
        for kind, width in widths:
            found: int | None = width if isinstance(width, int) else None
            if kind == "interval":
                found = self._number(f"CAST(epoch(CAST(({self._of(width)}) AS INTERVAL)) * 1000 AS BIGINT)", width)
            elif kind == "milliseconds":
                found = self._number(f"({self._of(width)})", width)
            if found is None or found <= 0:
                return None
            common = math.gcd(common, found)
        return common

    def _of(self, node: Node) -> str:
        return self.text({**_SELECT, "select_list": [{**node, "alias": ""}]})

    def _number(self, expression: str, node: Node) -> int | None:
        try:
            row = self._cursor.execute(f"SELECT {expression}", self._parameters(node)).fetchone()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            return None
        return row[0] if row and isinstance(row[0], int) else None

    def _parameters(self, node: Node) -> dict[str, Any] | None:
        named: dict[str, Any] = {}
        stack: list[Any] = [node]
        while stack:
            each = stack.pop()
            if isinstance(each, dict):
                if each.get("class") == "PARAMETER":
                    identifier = str(each.get("identifier", ""))
                    named[identifier] = _value(self._params, identifier)
                stack.extend(each.values())
            elif isinstance(each, list):
                stack.extend(each)
        return named or None


def _value(params: Sequence[Any] | Mapping[str, Any] | None, identifier: str) -> Any:
    if isinstance(params, Mapping):
        return params.get(identifier)
    place = int(identifier) - 1 if identifier.isdecimal() else -1
    return params[place] if params is not None and 0 <= place < len(params) else None
