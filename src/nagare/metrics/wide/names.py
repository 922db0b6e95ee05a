"""What a sender's measurements and keys are called as tables and columns.

They keep their names, capitals and all, but for the few that would mean something else here. DuckDB tells names apart
by more than their case, and a block's columns are listed with commas between them.
"""

from __future__ import annotations

from functools import lru_cache

from nagare.errors import InvalidLabelError
from nagare.lib.names import path_name
from nagare.metrics.schema import AGAIN

COLUMN_LIMIT = 128
# Columns that every table has, and our own hidden one: a sender's key of that name gets an underscore at its end.
_TAKEN = frozenset({"ts", "host", AGAIN})
# Ends of a rollup's columns.
_STATISTICS = (".min", ".max", ".sum", ".last", ".count")
_UNLAWFUL = frozenset(',"')
# Ends of a rollup's table.
_ROLLUPS = ("_1m", "_1h")


@lru_cache(4096)
def column_name(key: str) -> str | None:
    """Return the column for a tag or field, None when it cannot have one."""
    if not 0 < len(key) <= COLUMN_LIMIT or not key.isprintable() or not _UNLAWFUL.isdisjoint(key):
        return None
    if key.lower() in _TAKEN:
        return f"{key}_"
    return key.replace(".", "_") if key.endswith(_STATISTICS) else key


def table_fault(table: str) -> str:
    """Return why no table may have that name, empty when it may."""
    if not table.isprintable() or '"' in table:
        return "the measurement's name has signs that no table's name can have"
    if table.endswith(_ROLLUPS):
        return "the measurement's name ends as a rollup's does"
    try:
        path_name(table)
    except InvalidLabelError:
        return "the measurement's name is too long"
    return ""
