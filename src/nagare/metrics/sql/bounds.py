"""What a statement's WHERE says about times, as far as it is certain, so that blocks of other times need not be opened.

Only conditions that every row of an answer must fulfil are used: those that stand in the WHERE of the SELECT whose FROM
names the table, joined by AND (or in every branch of an OR), between its ``ts`` and constants. They are false for null,
so an outer join that finds no row behind them yields nothing that they would let pass. What is not understood bounds
nothing; a table counts as often as it is named, and each time may want other blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nagare.metrics.sql.tree import nodes

Node = Mapping[str, Any]
# The moment that a node stands for, in microseconds; None when nobody knows.
Moment = Callable[[Node], "int | None"]
T = TypeVar("T")

_LOWEST = "COMPARE_GREATERTHANOREQUALTO"
_HIGHEST = "COMPARE_LESSTHANOREQUALTO"
_FLIPPED = {
    _LOWEST: _HIGHEST,
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    _HIGHEST: _LOWEST,
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_EQUAL": "COMPARE_EQUAL",
}
_LOWER = frozenset({_LOWEST, "COMPARE_GREATERTHAN", "COMPARE_EQUAL"})
_UPPER = frozenset({_HIGHEST, "COMPARE_LESSTHAN", "COMPARE_EQUAL"})
# Under these a row of a table that fails the WHERE changes nothing by being there; an ASOF or POSITIONAL join would pair
# others without it, and what SEMI and ANTI look at the WHERE does not see.
_PLAIN_JOINS = frozenset({"INNER", "LEFT", "RIGHT", "OUTER", "FULL"})
_PLAIN_REFERENCES = frozenset({"REGULAR", "CROSS", "NATURAL"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times, ends included, of which all rows are that may count; None is no bound."""

    low_ms: int | None = None
    high_ms: int | None = None

    def both(self, other: Bounds) -> Bounds:
        """Return what fulfils the one and the other."""
        lows = [low for low in (self.low_ms, other.low_ms) if low is not None]
        highs = [high for high in (self.high_ms, other.high_ms) if high is not None]
        return Bounds(max(lows, default=None), min(highs, default=None))

    def either(self, other: Bounds) -> Bounds:
        """Return what holds all that fulfils the one or the other."""
        low = None if self.low_ms is None or other.low_ms is None else min(self.low_ms, other.low_ms)
        high = None if self.high_ms is None or other.high_ms is None else max(self.high_ms, other.high_ms)
        return Bounds(low, high)

    def meets(self, low_ms: int, high_ms: int) -> bool:
        """Tell whether any moment from ``low_ms`` to ``high_ms`` is inside."""
        return (self.low_ms is None or high_ms >= self.low_ms) and (self.high_ms is None or low_ms <= self.high_ms)


NO_BOUNDS = Bounds()


def find_bounds(tree: Node, moment: Moment) -> dict[str, list[Bounds]]:
    """Return the bounds of each place in ``tree`` that names a table, by the table's name in lower case."""
    return find_places(tree, lambda select: _Times(select, moment).bounded(), NO_BOUNDS)


def find_places(tree: Node, told: Callable[[Select], Iterable[tuple[int, T]]], nothing: T) -> dict[str, list[T]]:
    """Return what is told of each place in ``tree`` that names a table, by the table's name in lower case.

    ``told`` yields what a SELECT says of the tables of its FROM, by the id of their nodes.
    """
    known: dict[int, T] = {}
    places: list[Node] = []
    for node in nodes(tree):
        if node.get("type") == "BASE_TABLE":
            places.append(node)
        elif node.get("type") == "SELECT_NODE" and not node.get("sample") and node.get("from_table"):
            known.update(told(Select(node)))
    found: dict[str, list[T]] = {}
    for place in places:
        # A name that means a CTE counts too: it can only keep more.
        found.setdefault(str(place.get("table_name")).lower(), []).append(known.get(id(place), nothing))
    return found


class Select:
    """One SELECT: what its FROM names, and which of its columns a node of its WHERE is."""

    def __init__(self, node: Node) -> None:
        """Look at a SELECT_NODE with a FROM."""
        self._node = node
        self._sources: list[Node] = []
        self._is_plain = True
        self._gather(node["from_table"])

    def places(self) -> Iterator[tuple[Node, Node]]:
        """Yield each table of the FROM that the WHERE speaks of, with the WHERE."""
        where = self._node.get("where_clause")
        if not where or not self._is_plain:
            return
        for source in self._sources:
            if source["type"] == "BASE_TABLE" and not source.get("sample") and not source.get("column_name_alias"):
                yield source, where

    def is_column(self, node: Node, source: Node, name: str) -> bool:
        """Tell whether ``node`` is surely the column ``name`` of the table that ``source`` names."""
        if node.get("class") != "COLUMN_REF":
            return False
        path = [str(part).lower() for part in node["column_names"]]
        if path == [name]:
            return len(self._sources) == 1 and not self._is_renamed(name)
        alias = _alias(source)
        return path == [alias, name] and [_alias(each) for each in self._sources].count(alias) == 1

    def _gather(self, source: Node) -> None:
        if source["type"] != "JOIN":
            self._sources.append(source)
            return
        is_plain = source.get("join_type") in _PLAIN_JOINS and source.get("ref_type") in _PLAIN_REFERENCES
        self._is_plain = self._is_plain and is_plain
        self._gather(source["left"])
        self._gather(source["right"])

    def _is_renamed(self, name: str) -> bool:
        # What is selected under the same name might be meant.
        return any(
            str(item.get("alias")).lower() == name or item.get("rename_list") or item.get("replace_list")
            for item in self._node["select_list"]
        )


class _Times:
    """What the WHERE of one SELECT says of the times of each table."""

    def __init__(self, select: Select, moment: Moment) -> None:
        self._select = select
        self._moment = moment

    def bounded(self) -> Iterator[tuple[int, Bounds]]:
        """Yield the tables of the FROM, by the id of their node, with what the WHERE says of each."""
        for source, where in self._select.places():
            yield id(source), self._condition(where, source)

    def _condition(self, node: Node, source: Node) -> Bounds:
        kind = str(node.get("type"))
        if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
            parts = [self._condition(child, source) for child in node["children"]]
            bounds = parts[0]
            for part in parts[1:]:
                bounds = bounds.both(part) if kind == "CONJUNCTION_AND" else bounds.either(part)
            return bounds
        if kind == "COMPARE_BETWEEN":
            lower = self._comparison(_LOWEST, node["input"], node["lower"], source)
            return lower.both(self._comparison(_HIGHEST, node["input"], node["upper"], source))
        if kind in _FLIPPED and node.get("class") == "COMPARISON":
            straight = self._comparison(kind, node["left"], node["right"], source)
            return straight.both(self._comparison(_FLIPPED[kind], node["right"], node["left"], source))
        return NO_BOUNDS

    def _comparison(self, kind: str, column: Node, value: Node, source: Node) -> Bounds:
        if not self._select.is_column(column, source, "ts"):
            return NO_BOUNDS
        at_us = self._moment(value)
        if at_us is None:
            return NO_BOUNDS
        # A millisecond more on each side: however a finer moment is rounded, no row is lost by it.
        low = at_us // 1000 - 1 if kind in _LOWER else None
        high = at_us // 1000 + 2 if kind in _UPPER and not is_of_clock(value) else None
        return Bounds(low, high)


# Whose value is the same whenever it is asked for.
_STEADY_NAMES = """
+ - * / trunc make_timestamp make_timestamp_ms make_timestamp_ns make_date epoch_ms to_timestamp date_trunc datetrunc
time_bucket to_microseconds to_milliseconds to_seconds to_minutes to_hours to_days to_weeks to_months to_years
"""
_STEADY = frozenset(_STEADY_NAMES.split())
_CLOCKS = frozenset({"now", "today", "get_current_timestamp", "transaction_timestamp"})
# Texts that DuckDB takes for moments of the clock have one of these in them.
_CLOCK_WORDS = ("now", "today", "tomorrow", "yester")


def is_steady(node: Node) -> bool:
    """Tell whether ``node`` is made of constants and of functions of nothing else."""
    kind = node.get("class")
    if kind == "PARAMETER":
        return True
    if kind == "CONSTANT":
        return not is_text_of_clock(str((node.get("literal") or {}).get("text", "")))
    if kind == "CAST":
        return is_steady(node["child"])
    return kind == "FUNCTION" and _name(node) in _STEADY and all(is_steady(each) for each in _arguments(node))


def is_text_of_clock(text: str) -> bool:
    """Tell whether ``text`` may stand for a moment of the clock."""
    return any(word in text.lower() for word in _CLOCK_WORDS)


def is_of_clock(node: Node) -> bool:
    """Tell whether ``node`` is a moment that rises with the clock: asked for a little earlier, it is no later."""
    if node.get("class") == "CAST":
        type_name = str((node.get("type_expr") or {}).get("type_name")).upper()
        return type_name.startswith(("TIMESTAMP", "DATE")) and is_of_clock(node["child"])
    if node.get("class") != "FUNCTION":
        return False
    name, given = _name(node), _arguments(node)
    if name in _CLOCKS:
        return not given
    if name in ("+", "-") and len(given) == 2:
        return is_of_clock(given[0]) and is_steady(given[1])
    is_cut = name in ("date_trunc", "datetrunc", "time_bucket") and len(given) == 2
    return is_cut and is_steady(given[0]) and is_of_clock(given[1])


def _arguments(node: Node) -> list[Node]:
    return [given["expression"] for given in node.get("arguments") or ()]


def _name(node: Node) -> str:
    return str(node["function_name"]).lower()


def _alias(source: Node) -> str:
    return str(source.get("alias") or source.get("table_name") or "").lower()
