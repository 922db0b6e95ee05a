"""What the constants of a statement stand for, asked of DuckDB itself, so that a text means here what it means there."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import duckdb

from nagare.metrics.rollups.plain_time import Parameters, parameter, plain_moment, plain_number, plain_span
from nagare.metrics.rollups.shape import TEMPLATES, Node

# A statement of one SELECT without FROM, as DuckDB writes it down.
_SELECT: Mapping[str, Any] = {
    "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []}, "from_table": {"type": "EMPTY", "alias": "", "sample": None},
    "where_clause": None, "group_expressions": [], "group_sets": [], "aggregate_handling": "STANDARD_HANDLING",
    "having": None, "sample": None, "qualify": None,
}  # fmt: skip


# Of a tree as text: a larger one is a program's, and seldom comes again.
_DOCUMENTS, _DOCUMENT_LENGTH = 512, 32_768


class Written:
    """Texts of trees that were asked for before: a dashboard's statements are the same ones all day."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards _kept; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()

    def get(self, document: str, ask: Callable[[], str]) -> str:
        """Return the text of ``document``: what is kept, else what ``ask`` says."""
        with self._lock:
            if (known := self._kept.get(document)) is not None:
                self._kept.move_to_end(document)
                return known
        found = ask()
        if len(document) <= _DOCUMENT_LENGTH:
            with self._lock:
                self._kept[document] = found
                if len(self._kept) > _DOCUMENTS:
                    self._kept.popitem(last=False)
        return found


class Asking:
    """Asks about parts of one statement, whose parameters are ``params``."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, params: Parameters, written: Written | None = None) -> None:
        """Ask on ``cursor``, but for what is ``written`` already."""
        self._cursor = cursor
        self._params = params
        self._written = written or Written()

    def templates(self) -> list[Node]:
        """Return the nodes of TEMPLATES. Raises duckdb.Error."""
        sql = f"SELECT {', '.join(TEMPLATES)}"
        row = self._cursor.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchone()
        found: list[Node] = json.loads(row[0] if row else "{}")["statements"][0]["node"]["select_list"]
        return found

    def text(self, tree: Mapping[str, Any]) -> str:
        """Return the statement that ``tree`` is. Raises duckdb.Error."""
        document = json.dumps({"error": False, "statements": [{"node": tree, "named_param_map": []}]})

        def ask() -> str:
            row = self._cursor.execute("SELECT json_deserialize_sql(CAST(? AS JSON))", [document]).fetchone()
            return str(row[0]) if row else ""

        return self._written.get(document, ask)

    def name(self, item: Node) -> str:
        """Return what DuckDB calls a column that is selected as ``item`` without a name. Raises duckdb.Error."""
        if item.get("class") == "COLUMN_REF":
            return str(item["column_names"][-1])
        return self.text({**_SELECT, "select_list": [item]}).removeprefix("SELECT ")

    def moment(self, node: Node) -> int | None:
        """Return the moment that ``node`` stands for, in microseconds; None when nobody knows."""
        if (plain := plain_moment(node, self._params, time.time_ns() // 1000)) is not None:
            return plain
        return self._number(f"epoch_us(CAST(({self._of(node)}) AS TIMESTAMP))", node)

    def common_width(self, widths: Iterable[tuple[str, Any]]) -> int | None:
        """Return the greatest width in milliseconds that all ``widths`` are multiples of, zero without any; None if unknown."""
        common = 0
        for kind, width in widths:
            found: int | None = width if isinstance(width, int) else None
            if kind == "interval" and (span_us := plain_span(width)) is not None:
                found = span_us // 1000
            elif kind == "milliseconds" and (number := plain_number(width)) is not None:
                found = number
            elif kind == "interval":
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
                    named[identifier] = parameter(self._params, identifier)
                stack.extend(each.values())
            elif isinstance(each, list):
                stack.extend(each)
        return named or None
