"""Python values to the numpy arrays that DuckDB scans without copying; imported only where DuckDB is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nagare.metrics.engine import quote_name
from nagare.metrics.schema import HOST_TYPE, SQL_TYPES, TIME_TYPE
from nagare.model.tables import ColumnType
from nagare.wire.codec import encode

Cells = Sequence[Any]


def to_array(values: Cells, type_: ColumnType) -> Any:
    """Return ``values`` of ``type_`` as an array; None is masked, or NaN for floats, which DuckDB reads as null."""
    match type_:
        case ColumnType.FLOAT:
            return np.array(values, dtype=np.float64)
        case ColumnType.INTEGER:
            return _masked(values, np.int64, 0)
        case ColumnType.BOOLEAN:
            return _masked(values, np.bool_, False)  # noqa: FBT003  the filler under the mask
        case ColumnType.TEXT | ColumnType.TAG:
            return text_array(values)
        case ColumnType.MAP:
            # DuckDB guesses the type of Python maps from a sample; JSON text has one type.
            return text_array([None if value is None else encode(value).decode() for value in values])


def text_array(values: Cells) -> Any:
    """Return texts (or None) as an array of objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def time_array(values: Cells, type_: str = TIME_TYPE) -> Any:
    """Return whole numbers as an array of times: Unix milliseconds, or nanoseconds where the type says so."""
    unit = "datetime64[ms]" if type_ == TIME_TYPE else "datetime64[ns]"
    return np.array(values, dtype=np.int64).astype(unit)


def select_item(name: str, type_: ColumnType) -> str:
    """Return the SQL that reads column ``name`` of an array made by ``to_array`` with its exact type."""
    source = quote_name(name)
    if type_ is ColumnType.MAP:
        return f"CAST(CAST({source} AS JSON) AS {SQL_TYPES[type_]}) AS {source}"
    return f"CAST({source} AS {SQL_TYPES[type_]}) AS {source}"


def base_items(time_type: str = TIME_TYPE) -> tuple[str, str]:
    """Return the SQL that reads ``ts`` and ``host`` with their exact types."""
    return (f"CAST(ts AS {time_type}) AS ts", f"CAST(host AS {HOST_TYPE}) AS host")


def _masked(values: Cells, kind: Any, filler: Any) -> Any:
    if None not in values:
        return np.array(values, dtype=kind)
    mask = [value is None for value in values]
    return np.ma.MaskedArray(np.array([filler if value is None else value for value in values], dtype=kind), mask)
