"""Tells which SELECTs of a statement mean the same over rollups, and writes them so.

Only what is surely the same passes: one table, aggregates that rollups have (min, max, avg, sum, count), conditions on
what names a series and on bounds of ``ts``, and times in buckets. The rows that such a SELECT then reads may be of any
width: a rollup's, or a row of the table as a bucket of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from nagare.metrics.rollups.hours import HOUR_MS
from nagare.metrics.rollups.plan import ROWS, Plan, statistic
from nagare.metrics.sql.functions import SCALARS
from nagare.metrics.sql.tree import nodes

Node = dict[str, Any]

_CLASSES = frozenset(
    {
        "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION",
        "OPERATOR", "PARAMETER", "TYPE",
    }
)  # fmt: skip
_AGGREGATES = frozenset({"avg", "mean", "min", "max", "sum", "count", "count_star"})
# What a comparison makes of the moment on its right; turned round for one on its left.
_SIDES = {
    "COMPARE_GREATERTHANOREQUALTO": "from", "COMPARE_GREATERTHAN": "after",
    "COMPARE_LESSTHANOREQUALTO": "to", "COMPARE_LESSTHAN": "before",
}  # fmt: skip
_FLIPPED = {"from": "to", "to": "from", "after": "before", "before": "after"}
# Whose value does not change within an hour.
_OF_HOUR = frozenset(
    [
        "hour",
        "day",
        "dayofmonth",
        "month",
        "year",
        "quarter",
        "week",
        "weekofyear",
        "dayofweek",
        "weekday",
        "isodow",
        "dayofyear",
        "dayname",
        "monthname",
    ]
)
# What may be made of host, keys, and labels of samples.
_OF_SERIES = SCALARS | {"array_extract", "map_extract", "map_extract_value", "element_at", "map_contains"}
_TRUNCATIONS = {"minute": 60_000} | dict.fromkeys(("hour", "day", "week", "month", "quarter", "year"), HOUR_MS)


class NotTheSameError(Exception):
    """The SELECT may mean another thing over rollups; it never leaves this module."""


@dataclass(slots=True)
class Shape:
    """One SELECT that rollups can answer: ``node`` of the statement, and what of it is ``written`` for them.

    ``bounds`` are the moments ``ts`` is from, after, to or before; every bucket of the statement is a
    multiple of each of ``widths``: milliseconds, or the node of an interval or of milliseconds.
    """

    node: Node
    table: str
    written: Node = field(default_factory=dict)
    bounds: list[tuple[str, Node]] = field(default_factory=list)
    widths: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The columns that the SELECT may read."""
        return {str(each["column_names"][-1]).lower() for each in nodes(self.node) if each.get("class") == "COLUMN_REF"}

    @property
    def unnamed(self) -> list[Node]:
        """What is selected without a name of its own."""
        return [item for item in self.node["select_list"] if not item.get("alias")]

    def apply(self, view: str, names: Sequence[str]) -> None:
        """Let the SELECT read ``view`` instead of its table, and give what is ``unnamed`` its ``names``."""
        given = iter(names)
        for item, made in zip(self.node["select_list"], self.written["select_list"], strict=True):
            made["alias"] = item.get("alias") or next(given)
        self.node.update(self.written)
        source = self.node["from_table"]
        source["alias"] = source.get("alias") or source["table_name"]
        source["table_name"] = view
        source["qualified_name"] = {**source["qualified_name"], "path": [view]}


def find_shapes(tree: Node, plans: Mapping[str, Plan], templates: Sequence[Node]) -> list[Shape]:
    """Return the SELECTs of ``tree`` over tables of ``plans`` that rollups can answer; ``templates`` are of TEMPLATES."""
    found = list(nodes(tree))
    named = {str(entry.get("key")).lower() for node in found for entry in _entries(node.get("cte_map"))}
    named |= {str(node["cte_name"]).lower() for node in found if "cte_name" in node}
    shapes = []
    for node in found:
        source = node.get("from_table") if node.get("type") == "SELECT_NODE" else None
        name = str(source.get("table_name")).lower() if source and source.get("type") == "BASE_TABLE" else ""
        if name not in plans or name in named:
            continue
        try:
            shapes.append(_Select(node, name, plans[name], templates).written())
        except NotTheSameError:
            continue
    return shapes


# What takes the place of avg, count and "is not null"; ``a`` and ``b`` stand for columns.
TEMPLATES = ("sum(a) / sum(b)", "coalesce(CAST(sum(a) AS BIGINT), 0)", "a > 0")


class _Select:
    """One SELECT on its way."""

    def __init__(self, node: Node, table: str, plan: Plan, templates: Sequence[Node]) -> None:
        self._node = node
        self._shape = Shape(node, table)
        self._plan = plan
        self._mean, self._count, self._some = templates
        self._keys = {"host", *plan.keys}
        source = node["from_table"]
        self._source = str(source.get("alias") or source["table_name"]).lower()
        self._aliases = {str(item.get("alias")).lower() for item in node["select_list"] if item.get("alias")}
        self._needed: set[str] = set()
        self._counted: set[str] = set()
        self._has_aggregate = False

    def written(self) -> Shape:
        """Return the SELECT written for rollups. Raises NotTheSameError."""
        node, source = self._node, self._node["from_table"]
        plain = (source.get("sample"), source.get("column_name_alias"), node.get("sample"), node.get("qualify"))
        if any(plain) or len(node.get("group_sets") or ()) > 1:
            raise NotTheSameError
        written = self._shape.written
        written["where_clause"] = self._where(node.get("where_clause"))
        written["select_list"] = [self._expression(item, self._keys) for item in node["select_list"]]
        aliases = self._aliases - self._keys - {"ts", *self._plan.numbers, *self._plan.attributes}
        written["group_expressions"] = [
            self._expression(item, self._keys | aliases) for item in node["group_expressions"]
        ]
        written["having"] = self._expression(node.get("having"), self._keys)
        written["modifiers"] = [self._modifier(each) for each in node["modifiers"]]
        if not self._has_aggregate and not node["group_expressions"]:
            raise NotTheSameError
        if self._needed and (len(self._needed) > 1 or not self._counted <= self._needed):
            # Rows without a value were left out for one column only: what others have there is not known apart.
            raise NotTheSameError
        return self._shape

    def _modifier(self, modifier: Node) -> Node:
        # ORDER BY looks for an alias first; ORDER BY ALL is about what is selected.
        orders = modifier.get("orders")
        if orders and [each["expression"].get("class") for each in orders] == ["STAR"]:
            return modifier
        written: Node = self._children(modifier, self._keys | self._aliases)
        return written

    def _where(self, node: Node | None) -> Node | None:
        if node is None:
            return None
        if node.get("type") == "CONJUNCTION_AND":
            return {**node, "children": [self._where(child) for child in node["children"]]}
        if bounds := self._compared(node):
            self._shape.bounds += bounds
            return node
        if node.get("type") == "OPERATOR_IS_NOT_NULL" and (column := self._number(node["children"][0])):
            self._needed.add(column)
            return self._put(self._some, {"a": statistic(column, "count")})
        return self._of_series(node)

    def _compared(self, node: Node) -> list[tuple[str, Node]]:
        """Return the bounds of ``ts`` that ``node`` is, if it is that and nothing else."""
        if node.get("type") == "COMPARE_BETWEEN" and self._is_ts(node["input"]):
            return [("from", _steady(node["lower"])), ("to", _steady(node["upper"]))]
        side = _SIDES.get(str(node.get("type")))
        if side is None or node.get("class") != "COMPARISON":
            return []
        if self._is_ts(node["left"]):
            return [(side, _steady(node["right"]))]
        return [(_FLIPPED[side], _steady(node["left"]))] if self._is_ts(node["right"]) else []

    def _of_series(self, node: Node | None) -> Node | None:
        """Return ``node`` if it is about what names a series alone."""
        for each in nodes(node):
            kind = each.get("class")
            name = str(each.get("function_name", "")).lower()
            if kind is not None and (kind not in _CLASSES or (kind == "FUNCTION" and name not in _OF_SERIES)):
                raise NotTheSameError
            if kind is None and each.get("type") in _QUERIES:
                raise NotTheSameError
            if kind == "COLUMN_REF" and self._name(each) not in self._keys:
                raise NotTheSameError
        return node

    def _expression(self, node: Node | None, names: set[str]) -> Node | None:
        if node is None or node.get("class") is None:
            children: Node | None = self._children(node, names)
            return children
        if self._is_bucket(node):
            return node
        kind = node["class"]
        if kind not in _CLASSES:
            raise NotTheSameError
        if kind == "COLUMN_REF" and self._name(node) not in names:
            raise NotTheSameError
        if kind == "FUNCTION":
            name = str(node["function_name"]).lower()
            if name in _AGGREGATES:
                return self._aggregate(name, node)
            if name not in _OF_SERIES:
                raise NotTheSameError
        written: Node = self._children(node, names)
        return written

    def _children(self, node: Any, names: set[str]) -> Any:
        if isinstance(node, list):
            return [self._expression(each, names) if isinstance(each, dict) else each for each in node]
        if not isinstance(node, dict):
            return node
        if node.get("type") in _QUERIES:
            raise NotTheSameError
        return {
            key: self._expression(value, names) if isinstance(value, dict) else self._children(value, names)
            for key, value in node.items()
        }

    def _aggregate(self, name: str, node: Node) -> Node:
        self._has_aggregate = True
        if node.get("distinct") or (node.get("order_bys") or {}).get("orders"):
            raise NotTheSameError
        self._of_series(node.get("filter"))
        given = _arguments(node)
        if name == "count_star" or (name == "count" and not given):
            column = min(self._needed, default="")
            return self._put(self._count, {"a": statistic(column, "count") if column else ROWS}, node)
        column = self._number(given[0]) or self._number(_cast(given[0])) if len(given) == 1 else ""
        if not column:
            raise NotTheSameError
        self._counted.add(column)
        is_exact = self._plan.numbers[column] == "DOUBLE" or given[0]["class"] == "CAST"
        if name in ("avg", "mean"):
            names = {"a": statistic(column, "sum"), "b": statistic(column, "count")}
            return self._put(self._mean, names, node)
        if name == "count":
            return self._put(self._count, {"a": statistic(column, "count")}, node)
        if name == "sum" and not is_exact:
            # A sum of whole numbers is one too, however large.
            raise NotTheSameError
        argument = _renamed(given[0], statistic(column, name))
        if name == "sum":
            argument = _renamed(_cast(given[0]) if given[0]["class"] == "CAST" else given[0], statistic(column, "sum"))
        return {**node, "arguments": [{**node["arguments"][0], "expression": argument}]}

    def _put(self, template: Node, columns: Mapping[str, str], aggregate: Node | None = None) -> Node:
        """Return ``template`` over ``columns``, filtered and named as ``aggregate`` is."""
        made = deepcopy(template)
        for each in list(nodes(made)):
            if each.get("class") == "COLUMN_REF":
                each["column_names"] = [columns[each["column_names"][0]]]
            if aggregate is not None and each.get("function_name") == "sum":
                each["filter"] = deepcopy(aggregate.get("filter"))
        if aggregate is not None:
            made["alias"] = aggregate.get("alias", "")
        return made

    def _is_bucket(self, node: Node) -> bool:
        """Tell whether ``node`` is one value for all moments of a bucket, whose width is noted then."""
        width = self._width_of_cast(node) if node.get("class") == "CAST" else self._width_of_call(node)
        if width is not None:
            self._shape.widths.append(width)
        return width is not None

    def _width_of_cast(self, node: Node) -> tuple[str, Any] | None:
        is_date = str((node.get("type_expr") or {}).get("type_name")).upper() == "DATE"
        return ("number", HOUR_MS) if is_date and self._is_ts(node["child"]) else None

    def _width_of_call(self, node: Node) -> tuple[str, Any] | None:
        name = str(node.get("function_name")).lower()
        given = _arguments(node)
        if not given or not self._is_ts(given[-1]):
            return self._width_of_division(given) if name == "//" and len(given) == 2 else None
        if len(given) == 1:
            return ("number", HOUR_MS) if name in _OF_HOUR else None
        if name == "time_bucket" and len(given) == 2:
            return ("interval", _steady(given[0]))
        if name in ("date_trunc", "datetrunc"):
            width = _TRUNCATIONS.get(str((given[0].get("literal") or {}).get("text", "")).lower())
            return ("number", width) if width is not None else None
        return None

    def _width_of_division(self, given: Sequence[Node]) -> tuple[str, Any] | None:
        inner = _arguments(given[0])
        is_epoch = str(given[0].get("function_name")).lower() == "epoch_ms" and len(inner) == 1
        return ("milliseconds", _steady(given[1])) if is_epoch and self._is_ts(inner[0]) else None

    def _is_ts(self, node: Node) -> bool:
        return node.get("class") == "COLUMN_REF" and self._name(node) == "ts"

    def _number(self, node: Node) -> str:
        name = self._name(node) if node.get("class") == "COLUMN_REF" else ""
        return name if name in self._plan.numbers else ""

    def _name(self, node: Node) -> str:
        path = [str(part).lower() for part in node["column_names"]]
        if len(path) == 1:
            return path[0]
        return path[1] if len(path) == 2 and path[0] == self._source else ""


_FIXED = frozenset({"epoch_ms", "make_timestamp_ms", "make_timestamp", "make_date", "to_timestamp"})
_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "SUBQUERY"})


def _steady(node: Node) -> Node:
    """Return ``node`` if it is about no row."""
    for each in nodes(node):
        kind = each.get("class")
        if kind in ("COLUMN_REF", "SUBQUERY", "WINDOW", "STAR") or each.get("type") in _QUERIES:
            raise NotTheSameError
    return node


def is_fixed(node: Node) -> bool:
    """Tell whether ``node`` is the same moment whenever it is asked for."""
    names = {str(each["function_name"]).lower() for each in nodes(node) if "function_name" in each}
    texts = [str((each.get("literal") or {}).get("text", "")).lower() for each in nodes(node)]
    # DuckDB takes these texts for moments of the clock.
    return names <= _FIXED and not any(
        word in text for text in texts for word in ("now", "today", "tomorrow", "yester")
    )


def _cast(node: Node) -> Node:
    """Return what ``node`` makes a float of."""
    type_name = str((node.get("type_expr") or {}).get("type_name")).upper()
    return node["child"] if node.get("class") == "CAST" and type_name in ("DOUBLE", "FLOAT8") else {}


def _renamed(node: Node, column: str) -> Node:
    made = deepcopy(node)
    for each in nodes(made):
        if each.get("class") == "COLUMN_REF":
            each["column_names"] = [column]
    return made


def _arguments(node: Node) -> list[Node]:
    return [each["expression"] for each in node.get("arguments") or ()]


def _entries(cte_map: Any) -> Sequence[Node]:
    return cte_map.get("map", ()) if isinstance(cte_map, dict) else ()
