"""The second part of the first fence: how much a statement may make, reckoned from its tree before it runs.

Every expression gets an extent: how large its value may be, and of how many steps it is once the planner has put what
names stand for in their places. Both are added up through subqueries, CTEs, set operations and aliases, by name; a name
that cannot be followed counts as the largest thing it may mean. What passes a limit is refused with its way out. This
module decides by the tree alone and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nagare.errors import QuerySyntaxError
from nagare.metrics.sql import growth
from nagare.metrics.sql.constants import Constants
from nagare.metrics.sql.macros import MACRO_COPIES, MACROS
from nagare.metrics.sql.relations import BASE, NOTHING, NUMBERS, Extent, Relation, Scope, as_values, united, widest

# Bytes: of one value on its way, and of all values that one row goes through (times 2048 rows that go together).
VALUE_LIMIT = 64 * 2**10
TOTAL_LIMIT = 128 * 2**10
# Planning takes about a second for 100 000 steps, and for 100 sources that are joined.
STEPS_LIMIT = 30_000
SOURCES_LIMIT = 100
GROUPINGS_LIMIT = 128
DEPTH_LIMIT = 150

Node = Mapping[str, Any]
_COPY_HINT = "aggregate, sort and join texts inside one string_agg() or list(), and use its result as it is"
_FIXED_TYPE_NAMES = """
BOOLEAN BOOL TINYINT SMALLINT INTEGER INT BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT REAL
DOUBLE DECIMAL NUMERIC DATE TIME TIMESTAMP TIMESTAMPTZ TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL UUID INT1
INT2 INT4 INT8 FLOAT4 FLOAT8 LONG SHORT SIGNED TIMETZ DATETIME
"""
_FIXED_TYPES = frozenset(_FIXED_TYPE_NAMES.split())


class _Cte(NamedTuple):
    relation: Relation
    sources: int
    steps: int


_Ctes = dict[str, _Cte]


class Reckoning:
    """One walk over one statement that adds up; raises QuerySyntaxError where a limit is passed."""

    def __init__(self, constants: Constants) -> None:
        """Look parameters up in ``constants``."""
        self._constants = constants
        self._total = 0
        self._sources = 0
        self._steps = 0
        self._depth = 0

    def run(self, tree: Node) -> None:
        """Reckon the whole statement."""
        try:
            self._query(tree, {}, None)
        except RecursionError as error:
            raise _too_deep() from error

    # Queries.

    def _query(self, node: Node, ctes: _Ctes, outer: Scope | None) -> Relation:
        with_ctes = dict(ctes)
        for entry in (node.get("cte_map") or {}).get("map", ()):
            with_ctes[str(entry["key"]).lower()] = self._cte(entry["value"], with_ctes, outer)
        self._enter()
        kind = node["type"]
        if kind == "SELECT_NODE":
            made = self._select(node, with_ctes, outer)
        elif kind == "RECURSIVE_CTE_NODE":
            made = self._recursive(node, with_ctes, outer)
        else:
            made = self._set_operation(node, with_ctes, outer)
        self._depth -= 1
        return made

    def _cte(self, value: Node, ctes: _Ctes, outer: Scope | None) -> _Cte:
        sources, steps = self._sources, self._steps
        body = value.get("query_node") or value["query"]["node"]
        relation = self._query(body, ctes, outer).renamed(value.get("aliases") or ())
        return _Cte(relation, self._sources - sources, self._steps - steps)

    def _recursive(self, node: Node, ctes: _Ctes, outer: Scope | None) -> Relation:
        made = self._query(node["left"], ctes, outer).renamed(node.get("aliases") or ())
        name = str(node["cte_name"]).lower()
        # Twice: what grows in the second round grows for ever. Its steps do not: each round starts from values.
        for _ in range(2):
            again = self._query(node["right"], ctes | {name: _Cte(as_values(made), 0, 0)}, outer)
            wider = united([made, again])
            if wider.widest().size <= made.widest().size:
                return made
            made = wider
        raise QuerySyntaxError(
            "cannot run SQL: a recursive query may not make longer texts or lists in every round",
            hint="count rounds with numbers, and bound what they collect",
        )

    def _set_operation(self, node: Node, ctes: _Ctes, outer: Scope | None) -> Relation:
        children = node.get("children") or [node[side] for side in ("left", "right", "child") if node.get(side)]
        scope = Scope(outer)
        relations = [self._query(child, ctes, outer) for child in children]
        scope.sources = [("", relation) for relation in relations]
        self._modifiers(node, ctes, scope)
        return united(relations, by_name="NAME" in str(node.get("setop_type")))

    def _select(self, node: Node, ctes: _Ctes, outer: Scope | None) -> Relation:
        scope = Scope(outer)
        self._source(node.get("from_table") or {"type": "EMPTY"}, ctes, scope)
        if len(node.get("group_sets") or ()) > GROUPINGS_LIMIT:
            raise QuerySyntaxError(f"cannot run SQL: it has more than {GROUPINGS_LIMIT} grouping sets")
        made = Relation(places=[])
        for item in node.get("select_list", ()):
            self._item(item, made, ctes, scope)
        for key in ("where_clause", "group_expressions", "having", "qualify"):
            self._each(node.get(key), ctes, scope)
        # ORDER BY and DISTINCT ON also see what is selected, by its place and by the names that DuckDB gives it.
        scope.sources.append(("", made))
        self._modifiers(node, ctes, scope)
        return made

    def _item(self, item: Node, made: Relation, ctes: _Ctes, scope: Scope) -> None:
        extent = self._expression(item, ctes, scope)
        alias = str(item.get("alias") or "")
        if item.get("class") == "STAR":
            merged = scope.merged()
            renamed = {str(entry["value"]).lower(): merged.widest() for entry in item.get("rename_list") or ()}
            replaced = {str(entry["key"]).lower(): extent for entry in item.get("replace_list") or ()}
            for name, found in (merged.columns | renamed | replaced).items():
                made.columns[name] = widest((found, made.columns.get(name, NOTHING)))
            made.rest = widest((made.rest, merged.rest, extent if alias or item.get("expr") else NOTHING))
            made.places = None
            return
        if not alias and item.get("class") == "COLUMN_REF":
            alias = str(item["column_names"][-1])
        if made.places is not None:
            made.places.append(extent)
        if not alias or _has_star(item):
            made.rest = widest((made.rest, extent))
            made.places = None if _has_star(item) or _is_unnest(item) else made.places
        else:
            name = alias.lower()
            made.columns[name] = widest((extent, made.columns.get(name, NOTHING)))
            scope.aliases[name] = made.columns[name]

    def _modifiers(self, node: Node, ctes: _Ctes, scope: Scope) -> None:
        self._each(node.get("modifiers"), ctes, scope)

    # Sources.

    def _source(self, node: Node, ctes: _Ctes, scope: Scope) -> None:
        self._enter()
        kind = node["type"]
        if kind == "JOIN":
            self._source(node["left"], ctes, scope)
            self._source(node["right"], ctes, scope)
            self._each(node.get("condition"), ctes, scope)
        elif kind != "EMPTY":
            self._count(sources=1)
            relation = self._relation(node, kind, ctes, scope).renamed(node.get("column_name_alias") or ())
            scope.sources.append((str(node.get("alias") or node.get("table_name") or "").lower(), relation))
        self._depth -= 1

    def _relation(self, node: Node, kind: str, ctes: _Ctes, scope: Scope) -> Relation:
        if kind == "BASE_TABLE":
            cte = ctes.get(str(node.get("table_name")).lower())
            if cte is None:
                return BASE
            self._count(sources=cte.sources, steps=cte.steps)
            return cte.relation
        if kind == "SUBQUERY":
            return self._query(node["subquery"]["node"], ctes, scope)
        if kind == "TABLE_FUNCTION":
            return self._table_function(node["function"], ctes, scope)
        if kind == "EXPRESSION_LIST":
            return Relation({}, self._each(node.get("values"), ctes, scope))
        # PIVOT and UNPIVOT: names are made of values.
        inner = Scope(scope)
        self._source(node["source"], ctes, inner)
        made = [self._each(node.get(key), ctes, inner) for key in ("aggregates", "pivots", "groups")]
        return Relation({}, widest([inner.merged().widest(), *made]))

    def _table_function(self, function: Node, ctes: _Ctes, scope: Scope) -> Relation:
        if str(function["function_name"]).lower() in growth.SERIES:
            self._each(function.get("arguments"), ctes, scope)
            return NUMBERS
        return Relation({}, self._expression(function, ctes, scope))

    # Expressions.

    def _each(self, node: Any, ctes: _Ctes, scope: Scope) -> Extent:
        """Return the widest of all expressions in ``node``, and the steps of all together."""
        size, steps = 0, 0
        for child in _expressions(node):
            extent = self._expression(child, ctes, scope)
            size, steps = max(size, extent.size), steps + extent.steps
        return Extent(size, steps)

    def _expression(self, node: Node, ctes: _Ctes, scope: Scope) -> Extent:
        self._enter()
        extent = self._extent(node, str(node.get("class")), ctes, scope)
        self._depth -= 1
        if growth.HUGE > extent.size > VALUE_LIMIT:
            raise QuerySyntaxError(
                f"cannot run SQL: a value in it could hold {extent.size} bytes and more",
                hint=f"texts and lists that an expression makes are reckoned; the limit is {VALUE_LIMIT} bytes",
            )
        self._count(steps=1)
        if extent.steps > STEPS_LIMIT:
            raise _too_many_steps()
        return extent

    def _extent(self, node: Node, kind: str, ctes: _Ctes, scope: Scope) -> Extent:
        if kind in {"CONSTANT", "PARAMETER"}:
            return Extent(max(growth.FIXED, self._constants.length(node)), 1)
        if kind == "COLUMN_REF":
            found = scope.find([str(part) for part in node["column_names"]])
            self._count(steps=found.steps)
            return Extent(max(growth.FIXED, found.size), max(1, found.steps))
        if kind in {"FUNCTION", "WINDOW", "LAMBDA"}:
            return self._function(_arrow(node) if kind == "LAMBDA" else node, kind, ctes, scope)
        if kind == "SUBQUERY":
            child = self._each(node.get("child"), ctes, scope)
            made = self._query(node["subquery"]["node"], ctes, scope).widest()
            scalar = node.get("subquery_type") == "SCALAR"
            return Extent(made.size if scalar else growth.FIXED, child.steps + made.steps + 1)
        inner = self._each([value for key, value in node.items() if key != "type_expr"], ctes, scope)
        if kind in {"STAR", "POSITIONAL_REFERENCE"}:
            return widest((inner, scope.merged().widest()))
        return Extent(self._plain_size(node, kind, inner.size), inner.steps + 1)

    def _plain_size(self, node: Node, kind: str, size: int) -> int:
        if kind in {"COMPARISON", "CONJUNCTION", "BETWEEN"} or str(node.get("type")) in _YES_OR_NO:
            return growth.FIXED
        if kind == "CAST":
            type_name = str((node.get("type_expr") or {}).get("type_name", "")).upper()
            return self._made("CAST", [size], growth.FIXED if type_name in _FIXED_TYPES else 4 * size)
        if kind == "COLLATE" or (node.get("type") == "ARRAY_SLICE" and not _is_constant_slice(node)):
            # Slices that differ from row to row are copies.
            return self._made(str(node["type"]), [size], size)
        return size

    def _function(self, node: Node, kind: str, ctes: _Ctes, scope: Scope) -> Extent:
        name = str(node["function_name"]).lower()
        arguments = [given["expression"] for given in node.get("arguments") or ()]
        self._constants.check_call(name, arguments)
        extents = [self._expression(argument, ctes, scope) for argument in arguments]
        beside = self._each([value for key, value in node.items() if key != "arguments"], ctes, scope)
        if kind == "WINDOW" and name in growth.AGGREGATES_OF_ROWS:
            raise QuerySyntaxError(
                f"cannot call {name}() OVER a window: every row would hold all rows of its window",
                hint="use GROUP BY, or a window function that makes one number",
            )
        labels = sum(len(str(given.get("name") or "")) for given in node.get("arguments") or ())
        size = self._size(name, arguments, [extent.size for extent in extents]) + labels
        steps = sum(extent.steps for extent in extents)
        if name in MACROS:
            self._count(steps=steps * MACRO_COPIES)
            steps *= MACRO_COPIES
        return Extent(size, 1 + beside.steps + steps)

    def _size(self, name: str, arguments: Sequence[Node], sizes: Sequence[int]) -> int:
        if name in growth.PASSES:
            count = self._constants.counted(name, arguments)
            largest = max(sizes, default=growth.FIXED)
            return largest if count is None else self._made(name, sizes, largest * count)
        if name in growth.MEASURES:
            return growth.FIXED
        if name in growth.AGGREGATES_OF_ROWS:
            self._made(name, sizes, growth.FIXED)
            return growth.HUGE
        if name in growth.FIXED_SIZE:
            return self._made(name, sizes, growth.FIXED)
        return self._made(name, sizes, self._constants.product(name, arguments, sizes))

    def _made(self, name: str, sizes: Sequence[int], size: int) -> int:
        """Return ``size`` of what ``name`` makes of values of ``sizes``, counted for the row that it stands in."""
        if max(sizes, default=0) >= growth.HUGE:
            raise QuerySyntaxError(
                f"cannot use {name} on what an aggregate made of many rows: the copy could have any size",
                hint=_COPY_HINT,
            )
        self._total += size if size > growth.FIXED else 0
        if self._total > TOTAL_LIMIT:
            raise QuerySyntaxError(
                f"cannot run SQL: the texts and lists that it makes for one row could hold {self._total} bytes and more",
                hint=f"make fewer or shorter ones; the limit is {TOTAL_LIMIT} bytes",
            )
        return size

    # Counting.

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise _too_deep()

    def _count(self, *, sources: int = 0, steps: int = 0) -> None:
        self._sources += sources
        self._steps += steps
        if self._sources > SOURCES_LIMIT:
            raise QuerySyntaxError(
                f"cannot run SQL: it reads more than {SOURCES_LIMIT} tables and subqueries",
                hint="every use of a CTE counts with all that is in it",
            )
        if self._steps > STEPS_LIMIT:
            raise _too_many_steps()


_YES_OR_NO = frozenset(
    {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_IS_NOT"}
)


def _too_deep() -> QuerySyntaxError:
    return QuerySyntaxError("cannot run SQL: it is nested too deep", hint="use CTEs, or IN instead of many ORs")


def _too_many_steps() -> QuerySyntaxError:
    return QuerySyntaxError(
        f"cannot run SQL: it has more than {STEPS_LIMIT} steps once names are put in place",
        hint="a name counts with all that it stands for: use fewer aliases of aliases and fewer CTEs",
    )


def _expressions(node: Any) -> Iterator[Node]:
    """Yield the outermost expressions in ``node``."""
    if isinstance(node, list):
        for item in node:
            yield from _expressions(item)
    elif isinstance(node, dict):
        if "class" in node:
            if node["class"] != "TYPE":
                yield node
        else:
            for value in node.values():
                if isinstance(value, (list, dict)):
                    yield from _expressions(value)


def _is_constant_slice(node: Node) -> bool:
    # A bound that is left out stands as a list of nothing.
    bounds = (node.get("children") or ())[1:]
    return all(bound.get("class") == "CONSTANT" or not bound.get("arguments", True) for bound in bounds)


def _arrow(node: Node) -> Node:
    """Return what the parser takes for a lambda as the call of JSON's arrow that it is."""
    return {"function_name": "->", "arguments": [{"expression": node[side]} for side in ("lhs", "expr")]}


def _has_star(node: Any) -> bool:
    if isinstance(node, list):
        return any(_has_star(item) for item in node)
    return isinstance(node, dict) and (
        node.get("class") == "STAR"
        or any(_has_star(value) for value in node.values() if isinstance(value, (list, dict)))
    )


def _is_unnest(node: Node) -> bool:
    return str(node.get("function_name", "")).lower() == "unnest"
