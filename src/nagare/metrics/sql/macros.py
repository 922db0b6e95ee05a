"""Functions of ours in a caller's SQL: some are macros of the locked engine, some are DuckDB's under another name.

A macro repeats its arguments, so that a nest of them would grow without bound; what may stand in one is checked before
anything is bound. Another name is put in place in the text, which is then parsed again: what is judged is what runs. The
lambda of a macro is ours and sees numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nagare.errors import QuerySyntaxError

_TOLD = "counter IS NOT NULL AND ts IS NOT NULL"
# In the order of time, whatever order the rows came in.
_VALUES = f"list(CAST(counter AS DOUBLE) ORDER BY ts) FILTER (WHERE {_TOLD})"
# Each value beside the one before it; a counter that went down began again at zero.
_INCREASE = (
    f"list_sum(list_transform(list_zip(({_VALUES})[:-2], ({_VALUES})[2:]), "
    "lambda pair: CASE WHEN pair[2] < pair[1] THEN pair[2] ELSE pair[2] - pair[1] END))"
)
_SECONDS = f"(epoch_us(max(ts) FILTER (WHERE {_TOLD})) - epoch_us(min(ts) FILTER (WHERE {_TOLD}))) / 1e6"
STATEMENTS = (
    f"CREATE MACRO increase(counter, ts) AS {_INCREASE}",
    f"CREATE MACRO rate(counter, ts) AS {_INCREASE} / nullif({_SECONDS}, 0)",
    "CREATE MACRO delta(gauge, ts) AS arg_max(gauge, ts) - arg_min(gauge, ts)",
)
# How many arguments each takes.
MACROS: Mapping[str, int] = {"increase": 2, "rate": 2, "delta": 2}
# More than any macro mentions one of its arguments.
MACRO_COPIES = 16
# DuckDB's own name of what people call so, by the number of arguments.
RENAMED: Mapping[tuple[str, int], str] = {
    ("last", 2): "arg_max",
    ("first", 2): "arg_min",
    ("percentile", 2): "quantile_cont",
}

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Renamed:
    """A statement in DuckDB's names; ``names`` leads from those to the caller's, as they begin a column's name."""

    sql: str
    names: Mapping[str, str]

    def column(self, name: str) -> str:
        """Return a column's name as the caller wrote it."""
        for theirs, ours in self.names.items():
            name = name.replace(theirs, ours)
        return name


def rename(sql: str, tree: Any) -> Renamed:
    """Return ``sql``, of which ``tree`` was parsed, in DuckDB's names. Raises QuerySyntaxError."""
    content = sql.encode()
    written = sql.lower()
    places: list[tuple[int, int, str]] = []
    names: dict[str, str] = {}
    for call in _calls(tree):
        name = str(call["function_name"]).lower()
        theirs = RENAMED.get((name, len(call.get("arguments") or ())))
        if theirs is None or call.get("schema") or call.get("catalog") or len(_path(call)) > 1:
            continue
        start = int(call.get("query_location", len(content)))
        length = _length(content, start, name)
        if not length:
            raise QuerySyntaxError(f"cannot call {name}() in this form", hint=f"write {name}(…, …)")
        places.append((start, length, theirs))
        if f"{theirs}(" not in written:
            names[f"{theirs}("] = f"{name}("
    for start, length, theirs in sorted(places, reverse=True):
        content = content[:start] + theirs.encode() + content[start + length :]
    return Renamed(content.decode(), names)


def check_macro(node: Node, name: str) -> None:
    """Raise QuerySyntaxError unless a call of the macro ``name`` is a plain one of plain values."""
    arguments = node.get("arguments") or ()
    if len(arguments) != MACROS[name] or any(given.get("name") for given in arguments):
        raise QuerySyntaxError(f"cannot call {name}() with these arguments", hint=f"write {name}(value, ts)")
    if node.get("class") == "WINDOW":
        raise QuerySyntaxError(
            f"cannot call {name}() OVER a window: it is of a group", hint="use GROUP BY, for example of a time_bucket()"
        )
    if node.get("filter") or node.get("distinct") or (node.get("order_bys") or {}).get("orders"):
        raise QuerySyntaxError(
            f"cannot call {name}() with DISTINCT, ORDER BY or FILTER",
            hint=f"{name}(CASE WHEN … THEN value END, ts) leaves rows out",
        )
    for inner in _calls(arguments, subqueries=True):
        what = str(inner.get("function_name") or "a subquery").lower()
        if what in MACROS or inner.get("class") == "SUBQUERY":
            raise QuerySyntaxError(f"cannot call {name}() with {what} inside", hint="make it in a CTE first")


def _calls(tree: Any, *, subqueries: bool = False) -> Iterator[Node]:
    """Yield every call in ``tree``, and on wish every subquery; with a stack of its own, as deep as the caller wrote."""
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if "function_name" in node or (subqueries and node.get("class") == "SUBQUERY"):
                yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _path(call: Node) -> list[Any]:
    return list((call.get("qualified_name") or {}).get("path", ()))


def _length(content: bytes, start: int, name: str) -> int:
    """Return how many bytes of ``content`` at ``start`` are ``name``, quoted or not; zero when others stand there."""
    for form in (name, f'"{name}"'):
        found = content[start : start + len(form)].decode(errors="replace").lower()
        rest = content[start + len(form) : start + len(form) + 1]
        if found == form and not (rest.isalnum() or rest == b"_"):
            return len(form)
    return 0
