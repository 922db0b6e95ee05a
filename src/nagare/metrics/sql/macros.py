"""Functions of ours in a caller's SQL: some are macros of the locked engine, some are DuckDB's under another name.

A macro repeats its arguments, so that a nest of them would grow without bound; what may stand in one is checked before
anything is bound. Another name is put in place in the text, which is then parsed again: what is judged is what runs. The
lambda of a macro is ours and sees numbers alone.
"""

from __future__ import annotations

import re
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
# A time as a number. DuckDB compares times of milliseconds and nanoseconds inside arg_max() one value at a time.
TIME_KEY = "time_key"
_TIME_KEY = ", ".join(
    (
        "(x TIMESTAMP_MS) AS epoch_ms(x)",
        "(x TIMESTAMP_NS) AS epoch_ns(x)",
        # Named, so that none of them is taken for one of the others first.
        *(f"(x {type_}) AS x" for type_ in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMPTZ", "DATE")),
        "(x) AS x",
    )
)
STATEMENTS = (
    f"CREATE MACRO {TIME_KEY}{_TIME_KEY}",
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
# Those that look for a row by its time, which is mostly the column of that name.
_BY_TIME = frozenset(
    [
        "arg_max",
        "arg_min",
        "argmax",
        "argmin",
        "max_by",
        "min_by",
        "arg_max_null",
        "arg_min_null",
        "arg_max_nulls_last",
        "arg_min_nulls_last",
        "delta",
    ]
)
_TIME_COLUMN = "ts"
# As DuckDB writes one into a column's name; nobody else calls it.
_TIME_KEY_CALL = re.compile(rf'{TIME_KEY}\(((?:(?:\w+|"[^"]*")\.)*"?{_TIME_COLUMN}"?)\)', re.IGNORECASE)

Node = Mapping[str, Any]
_Place = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Renamed:
    """A statement in DuckDB's names; ``names`` leads from those to the caller's, as they begin a column's name."""

    sql: str
    names: Mapping[str, str]

    def column(self, name: str) -> str:
        """Return a column's name as the caller wrote it."""
        for theirs, ours in self.names.items():
            name = name.replace(theirs, ours)
        return _TIME_KEY_CALL.sub(r"\1", name)


def rename(sql: str, tree: Any) -> Renamed:
    """Return ``sql``, of which ``tree`` was parsed, in DuckDB's names. Raises QuerySyntaxError."""
    content = sql.encode()
    written = sql.lower()
    places: list[_Place] = []
    names: dict[str, str] = {}
    for call in _calls(tree):
        name = str(call["function_name"]).lower()
        if call.get("schema") or call.get("catalog") or len(_path(call)) > 1:
            continue
        arguments = list(call.get("arguments") or ())
        theirs = RENAMED.get((name, len(arguments)))
        if theirs is not None:
            places.append(_renamed(call, content, name, theirs))
            if f"{theirs}(" not in written:
                names[f"{theirs}("] = f"{name}("
        if (theirs or name) in _BY_TIME and len(arguments) == 2 and (place := _time_column(arguments[1], content)):
            places.append(place)
    for start, length, theirs in sorted(places, reverse=True):
        content = content[:start] + theirs.encode() + content[start + length :]
    return Renamed(content.decode(), names)


def _renamed(call: Node, content: bytes, name: str, theirs: str) -> _Place:
    start = int(call.get("query_location", len(content)))
    length = _length(content, start, name)
    if not length:
        raise QuerySyntaxError(f"cannot call {name}() in this form", hint=f"write {name}(…, …)")
    return start, length, theirs


def _time_column(argument: Any, content: bytes) -> _Place | None:
    """Return how to write an argument that is the column of times as a number, None when it is anything else."""
    column = argument.get("expression") or {}
    names = list(column.get("column_names") or [""])
    start, length = int(column.get("query_location", 0)), int(column.get("query_location_length", 0))
    text = content[start : start + length].decode(errors="replace")
    # Only what is written plainly: anything else takes DuckDB's way.
    if column.get("class") != "COLUMN_REF" or str(names[-1]).lower() != _TIME_COLUMN or text != ".".join(names):
        return None
    return start, length, f"{TIME_KEY}({text})"


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
