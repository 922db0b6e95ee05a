"""The first fence around a caller's SQL: what is not known to be harmless is refused before anything is bound.

DuckDB's own parser makes the tree; the walk below allows listed kinds of nodes, tables that exist for the caller,
names of the statement's own CTEs where they are in scope, and listed functions. Everything else is refused, so a
construct that a newer DuckDB brings is refused too. No regular expression decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from nagare.errors import QuerySyntaxError
from nagare.lib.nearest import did_you_mean, find_nearest
from nagare.metrics.sql.constants import Constants, Parameters
from nagare.metrics.sql.costs import shape_of
from nagare.metrics.sql.extent import Reckoning
from nagare.metrics.sql.functions import ALLOWED, ALLOWED_IN_FROM, BOUNDED, BOUNDED_COUNT
from nagare.metrics.sql.macros import MACROS, RENAMED, Renamed, check_macro, rename
from nagare.metrics.sql.messages import parser_error
from nagare.metrics.sql.naming import named_columns
from nagare.metrics.sql.qualified import unqualified
from nagare.metrics.sql.tree import nodes

# Longer than any statement a person writes; keeps the parser's work small.
SQL_LIMIT = 32_768
_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_SOURCES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"})
_MODIFIERS = frozenset({"LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"})
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_PLAIN = _QUERY_NODES | _SOURCES | _MODIFIERS | _ORDERS
_EXPRESSIONS = frozenset(
    {
        "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION",
        "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW",
    }
)  # fmt: skip
_WHY = {
    "LAMBDA": ("a lambda", "use unnest() and an aggregate"),
    "SHOW_REF": (
        "DESCRIBE, SHOW and SUMMARIZE",
        "list tables and columns with `nagare query --tables` or GET /api/v1/tables",
    ),
    "INSERT_QUERY_NODE": ("INSERT", ""),
    "UPDATE_QUERY_NODE": ("UPDATE", ""),
    "DELETE_QUERY_NODE": ("DELETE", ""),
}
_NAMES = ALLOWED | {name for name, _ in RENAMED}
ONLY_SELECT = "one SELECT statement, or EXPLAIN of one, is allowed"


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run: its text and tree in DuckDB's names, and the known tables it names."""

    written: Renamed
    tree: Mapping[str, Any]
    tables: frozenset[str]
    # The columns that it may read, in lower case; None when that may be any.
    named: frozenset[str] | None
    # Whether it is a SELECT without names of its own for others.
    is_flat: bool
    # What stands before the SELECT: nothing, or EXPLAIN in one of its forms.
    prefix: str = ""
    # Texts in it that say which rows are meant and nothing else, as far as that is known, and its text without them; that
    # is empty where it has to be found.
    free: frozenset[str] = frozenset()
    form: str = ""
    # What its costs are counted by.
    shape: str = ""

    @property
    def sql(self) -> str:
        """The text that runs."""
        return f"{self.prefix}{self.written.sql}"

    def may_read(self, column: str) -> bool:
        """Tell whether it may read ``column`` of one of its tables; when in doubt it may."""
        return self.named is None or column in self.named

    @property
    def is_explain(self) -> bool:
        """Whether a plan is asked for and no rows."""
        return bool(self.prefix)


def check(
    cursor: duckdb.DuckDBPyConnection, sql: str, known: Collection[str], parameters: Parameters = None
) -> Checked:
    """Return ``sql`` as a statement that may run over the tables ``known``. Raises QuerySyntaxError with the way out."""
    if len(sql) > SQL_LIMIT:
        raise QuerySyntaxError(f"cannot run SQL of {len(sql)} characters: the limit is {SQL_LIMIT}")
    whole, sql = sql, _trimmed(sql)
    statement = _single_statement(cursor, sql)
    prefix = ""
    if statement.type == duckdb.StatementType.EXPLAIN:
        prefix, body = _explained(sql)
    elif statement.type == duckdb.StatementType.SELECT:
        body = sql
    else:
        raise QuerySyntaxError(f"cannot run {statement.type.name} statement: {ONLY_SELECT}")
    tree = _parse(cursor, body)
    named = unqualified(body, tree)
    if named != body:
        body, tree = named, _parse(cursor, named)
    written = rename(body, tree)
    if written.sql != body:
        tree = _parse(cursor, written.sql)
    tables = _Walk(known).run(tree)
    Reckoning(Constants(parameters)).run(tree)
    is_flat = not prefix and not any((node.get("cte_map") or {}).get("map") for node in nodes(tree))
    return Checked(
        written, tree, frozenset(tables), named_columns(tree, tables), is_flat, prefix, shape=shape_of(whole)
    )


def _single_statement(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        statements = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise parser_error(error) from error
    if len(statements) != 1:
        found = "nothing to run was found" if not statements else f"{len(statements)} statements were found"
        raise QuerySyntaxError(f"cannot run SQL: {found}", hint=ONLY_SELECT)
    return statements[0]


def _explained(sql: str) -> tuple[str, str]:
    """Split EXPLAIN [ANALYZE] from what it explains; that must then parse as a SELECT by itself."""
    words = [(start, _word(sql, start)) for start, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment][
        :3
    ]
    if words and words[0][1] == "explain":
        if len(words) > 2 and words[1][1] == "analyze":
            return "EXPLAIN ANALYZE ", _from_byte(sql, words[2][0])
        if len(words) > 1:
            return "EXPLAIN ", _from_byte(sql, words[1][0])
    raise QuerySyntaxError("cannot run EXPLAIN statement: it explains nothing", hint=ONLY_SELECT)


def _word(sql: str, start: int) -> str:
    tail = _from_byte(sql, start)
    end = next((at for at, letter in enumerate(tail) if not letter.isalpha()), len(tail))
    return tail[:end].lower()


def _from_byte(sql: str, start: int) -> str:
    return sql.encode()[start:].decode(errors="replace")


def _trimmed(sql: str) -> str:
    """Return ``sql`` from its first word to its last, without the semicolons around it, found by DuckDB's own tokens."""
    starts = [start for start, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    content = sql.encode()
    while starts and content[starts[0] : starts[0] + 1] == b";":
        starts.pop(0)
    end = len(content)
    while starts and content[starts[-1] : starts[-1] + 1] == b";":
        end = starts.pop()
    return content[starts[0] : end].decode() if starts else ""


def _parse(cursor: duckdb.DuckDBPyConnection, sql: str) -> Mapping[str, Any]:
    try:
        row = cursor.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchone()
        tree = json.loads(row[0]) if row else {}
    except duckdb.Error as error:
        raise parser_error(error) from error
    except RecursionError as error:
        raise QuerySyntaxError("cannot run SQL: it is nested too deep") from error
    if tree.get("error"):
        text = str(tree.get("error_message", ""))
        if tree.get("error_type") == "not implemented":
            raise QuerySyntaxError(f"cannot run SQL: {ONLY_SELECT}")
        raise QuerySyntaxError(f"cannot run SQL: {text}")
    statements = tree.get("statements", [])
    if len(statements) != 1:
        raise QuerySyntaxError(f"cannot run SQL: {len(statements)} statements were found", hint=ONLY_SELECT)
    parsed: Mapping[str, Any] = statements[0]["node"]
    return parsed


Scope = frozenset[str]


class _Walk:
    """One walk over a tree, with a stack of its own: depth is the caller's to choose."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = {name.lower(): name for name in known}
        self._tables: set[str] = set()
        self._stack: list[tuple[Any, Scope, bool]] = []

    def run(self, tree: Mapping[str, Any]) -> set[str]:
        self._stack.append((tree, frozenset(), False))
        while self._stack:
            node, scope, bounded = self._stack.pop()
            if isinstance(node, list):
                self._stack.extend((item, scope, bounded) for item in node)
            elif isinstance(node, dict):
                self._visit(node, scope, bounded)
        return self._tables

    def _visit(self, node: Mapping[str, Any], scope: Scope, bounded: bool) -> None:  # noqa: FBT001  state of the walk
        kind = node.get("type")
        if isinstance(kind, str):
            self._check_kind(node, kind)
        if kind == "BASE_TABLE":
            self._check_table(node, scope)
        if kind == "TABLE_FUNCTION":
            self._check_table_function(node)
        elif "function_name" in node and not node.get("in_from"):
            bounded = self._check_function(node, bounded)
        scope = self._enter(node, scope)
        for key, value in node.items():
            if key == "right" and kind == "RECURSIVE_CTE_NODE":
                # Only the recursive half of a recursive CTE sees the CTE itself.
                self._stack.append((value, scope | {str(node["cte_name"]).lower()}, bounded))
            elif key != "cte_map":
                self._stack.append((value, scope, bounded))

    def _enter(self, node: Mapping[str, Any], scope: Scope) -> Scope:
        # A CTE sees those before it, never itself: its own name means the table of that name there.
        for entry in node.get("cte_map", {}).get("map", ()) if isinstance(node.get("cte_map"), dict) else ():
            self._stack.append((entry["value"], scope, False))
            scope |= {str(entry["key"]).lower()}
        return scope

    def _check_kind(self, node: Mapping[str, Any], kind: str) -> None:
        lawful = node["class"] in _EXPRESSIONS if "class" in node else kind in _PLAIN
        # DuckDB's parser gives the arrow of JSON the same kind as an old way to write a lambda; no listed function takes one.
        lawful = lawful or (kind == "LAMBDA" and node.get("syntax_type") == "SINGLE_ARROW")
        if not lawful:
            what, hint = _WHY.get(kind, (kind, ""))
            raise QuerySyntaxError(f"cannot run SQL: {what} is not allowed", hint=hint or ONLY_SELECT)

    def _check_table(self, node: Mapping[str, Any], scope: Scope) -> None:
        path = [str(part) for part in node.get("qualified_name", {}).get("path", ())] or [str(node.get("table_name"))]
        written = ".".join(path)
        if len(path) != 1 or node.get("schema_name") or node.get("catalog_name"):
            raise QuerySyntaxError(
                f"cannot query {written!r}: tables have no schema here", hint=self._tables_hint(path[-1])
            )
        if node.get("at_clause"):
            raise QuerySyntaxError(f"cannot query {written!r}: AT is not allowed")
        name = path[0].lower()
        if name in scope:
            return
        if name not in self._known:
            raise QuerySyntaxError(f"cannot query {path[0]!r}: there is no such table", hint=self._tables_hint(name))
        self._tables.add(self._known[name])

    def _tables_hint(self, name: str) -> str:
        listed = ", ".join(sorted(self._known.values())[:40])
        return f"{did_you_mean(name, self._known)} tables: {listed}".strip()

    def _check_table_function(self, node: Mapping[str, Any]) -> None:
        function = node["function"]
        name = _function_name(function)
        if name not in ALLOWED_IN_FROM:
            raise QuerySyntaxError(
                f"cannot call {name}() in FROM: it is not allowed",
                hint=f"allowed in FROM: {', '.join(sorted(ALLOWED_IN_FROM))}",
            )
        function["in_from"] = True

    def _check_function(self, node: Mapping[str, Any], bounded: bool) -> bool:  # noqa: FBT001  state of the walk
        name = _function_name(node)
        if name in BOUNDED:
            if bounded or not _is_small_constant(node, BOUNDED[name]):
                raise QuerySyntaxError(
                    f"cannot call {name}(): its length must be a constant of at most {BOUNDED_COUNT}, not nested"
                )
            return True
        if name in MACROS:
            check_macro(node, name)
        if name not in ALLOWED:
            nearest = find_nearest(name, _NAMES)
            hint = f"did you mean {nearest!r}?" if nearest else "see the list of functions in the SQL reference"
            if name in ALLOWED_IN_FROM:
                hint = f"write it in FROM: FROM {name}(…)"
            raise QuerySyntaxError(f"cannot call {name}(): the function is unknown or not allowed", hint=hint)
        return bounded


def _function_name(node: Mapping[str, Any]) -> str:
    path = [str(part) for part in node.get("qualified_name", {}).get("path", ())]
    if len(path) > 1 or node.get("schema") or node.get("catalog"):
        raise QuerySyntaxError(f"cannot call {'.'.join(path)}(): functions have no schema or dot here")
    return str(node["function_name"]).lower()


def _is_small_constant(node: Mapping[str, Any], place: int) -> bool:
    arguments = node.get("arguments", ())
    if len(arguments) <= place:
        return False
    literal = arguments[place].get("expression", {}).get("literal", {})
    text = str(literal.get("text", ""))
    return literal.get("kind") == "INTEGER" and text.isdecimal() and len(text) < 6 and int(text) <= BOUNDED_COUNT
