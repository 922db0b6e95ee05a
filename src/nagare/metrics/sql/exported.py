"""What an answer is as the rows of a file, in the text of the statement that writes them: DuckDB does all of it.

Times and large numbers stand in texts as they stand in an answer. Nothing here is about who may see what: the
statement was checked before, and reads the same views as a query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nagare.metrics.engine import quote_name, quote_text
from nagare.metrics.sql.rows import Columns, guarded_item, time_text, with_guard
from nagare.metrics.sql.values import SAFE_INTEGER

_OPTIONS = {
    "csv": "FORMAT csv, HEADER true",
    "ndjson": "FORMAT json, ARRAY false",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
_FLOATS = frozenset({"DOUBLE", "FLOAT"})
_WIDE_INTEGERS = frozenset({"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"})
_NESTED = ("MAP(", "STRUCT(", "UNION(")
# A branch without rows that has no order: beside it DuckDB writes each piece as it comes, where it would otherwise keep what
# comes early until its turn, up to the memory of all queries. What an ORDER BY of the statement says still holds.
_UNORDERED = "SELECT {nulls} FROM (SELECT count(*) FROM range(1) AS r(i) GROUP BY i HAVING count(*) < 0)"


def copy_statement(sql: str, columns: Columns, names: Sequence[str], form: str, file: Path) -> str:
    """Return the statement that writes the rows of ``sql``, whose ``columns`` shall be called ``names``, to ``file``."""
    item = _ITEMS[form]
    items = [
        f"{item(f'c{number}', type_)} AS {quote_name(name)}"
        for number, ((_, type_), name) in enumerate(zip(columns, names, strict=True))
    ]
    keys = ", ".join(f"c{number}" for number in range(len(columns)))
    rows = f"SELECT {', '.join(items)} FROM (\n{sql}\n) AS answer({keys})"  # noqa: S608  checked before
    nothing = _UNORDERED.format(nulls=", ".join(["NULL"] * len(columns)))
    return f"COPY ({rows} UNION ALL {nothing}) TO {quote_text(str(file))} ({_OPTIONS[form]}, USE_TMP_FILE false)"


def _csv_item(name: str, type_: str) -> str:
    if _is_nested(type_):
        return with_guard(name, type_, f"CAST(to_json({_plain_list(name, type_)}) AS VARCHAR)")
    return _text_item(name, type_)


def _json_item(name: str, type_: str) -> str:
    if type_ in _WIDE_INTEGERS:
        # Larger ones no reader of JSON need hold exactly.
        safe = f"{name} BETWEEN -{SAFE_INTEGER} AND {SAFE_INTEGER}"
        return f"CASE WHEN {safe} THEN to_json({name}) ELSE to_json(CAST({name} AS VARCHAR)) END"
    if _is_nested(type_):
        return with_guard(name, type_, _plain_list(name, type_))
    return _text_item(name, type_)


def _parquet_item(name: str, type_: str) -> str:
    return with_guard(name, type_, name)


_ITEMS: dict[str, Callable[[str, str], str]] = {"csv": _csv_item, "ndjson": _json_item, "parquet": _parquet_item}


def _text_item(name: str, type_: str) -> str:
    if type_ in _FLOATS:
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    if type_ == "BLOB":
        return with_guard(name, type_, f"lower(hex({name}))")
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return time_text(f"({name} AT TIME ZONE 'UTC')", "TIMESTAMP")
    if type_ == "TIMESTAMP_S":
        return time_text(f"CAST({name} AS TIMESTAMP)", "TIMESTAMP")
    return guarded_item(name, type_)


def _plain_list(name: str, type_: str) -> str:
    """Return a list with its elements as an answer has them: neither times of another form nor numbers without end."""
    inner = type_.removesuffix("[]")
    if inner == type_ or _is_nested(inner):
        return name
    element = _text_item("x", inner)
    return name if element == "x" else f"list_transform({name}, lambda x: {element})"


def _is_nested(type_: str) -> bool:
    return type_.endswith("]") or type_.startswith(_NESTED)
