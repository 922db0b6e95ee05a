"""What the constants of a statement stand for, asked of DuckDB itself, so that a text means here what it means there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
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
        if (plain := plain_moment(node)) is not None:
            return plain
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


# As DuckDB writes times itself: no zone, no words, and so one meaning.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?")
_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_NS"})
_DATE_LENGTH = 10
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  UTC, as the engine's sessions are
_INTEGER = re.compile(r"-?\d{1,15}")


def plain_moment(node: Node) -> int | None:
    """Return the moment in microseconds of the forms in which programs write one, None for every other.

    Asking DuckDB for it costs a millisecond, as much as a small query itself.
    """
    if node.get("class") == "CAST" and not node.get("try_cast"):
        type_name = str((node.get("type_expr") or {}).get("type_name")).upper()
        text = _literal(node.get("child"), _TIME)
        is_time = type_name in _TIMES or (type_name == "DATE" and len(text or "") == _DATE_LENGTH)
        return _of_text(text) if is_time and text is not None else None
    if node.get("class") == "CONSTANT" and (node.get("literal") or {}).get("kind") == "STRING":
        text = _literal(node, _TIME)
        return None if text is None else _of_text(text)
    if node.get("class") != "FUNCTION" or str(node.get("function_name")).lower() != "make_timestamp_ms":
        return None
    given = [each.get("expression") for each in node.get("arguments") or ()]
    text = _literal(given[0], _INTEGER) if len(given) == 1 else None
    return None if text is None else int(text) * 1000


def _literal(node: Any, form: re.Pattern[str]) -> str | None:
    if not isinstance(node, Mapping) or node.get("class") != "CONSTANT":
        return None
    text = str((node.get("literal") or {}).get("text", ""))
    return text if form.fullmatch(text) else None


def _of_text(text: str) -> int | None:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        return None


def _value(params: Sequence[Any] | Mapping[str, Any] | None, identifier: str) -> Any:
    if isinstance(params, Mapping):
        return params.get(identifier)
    place = int(identifier) - 1 if identifier.isdecimal() else -1
    return params[place] if params is not None and 0 <= place < len(params) else None
