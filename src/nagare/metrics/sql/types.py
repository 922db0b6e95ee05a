"""The names and types of an answer's columns, which the guard of large values needs before the statement runs.

DuckDB binds the whole statement to tell them. They follow from the text, the parameters and the schemas, so the same
statement over the same schemas is asked about once. Records have the columns that they have at the moment: not kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nagare.metrics.schema import Schema

_ANSWERS = 256

Types = list[tuple[str, str]]


class AnswerTypes:
    """What was told of statements; used from every query thread."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards _kept; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, Any], tuple[Mapping[str, Schema], Types]] = OrderedDict()

    def get(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None,
        schemas: Mapping[str, Schema] | None,
        describe: Callable[[], Types],
    ) -> Types:
        """Return the types of ``sql``: those that are kept of the same ``schemas`` (the very object), else what ``describe`` says."""
        if schemas is None:
            return describe()
        key = (sql, _key_of(params))
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known[0] is schemas:
                self._kept.move_to_end(key)
                return list(known[1])
        found = describe()
        with self._lock:
            self._kept[key] = (schemas, found)
            if len(self._kept) > _ANSWERS:
                self._kept.popitem(last=False)
        return list(found)


def _key_of(params: Sequence[Any] | Mapping[str, Any] | None) -> Any:
    # With their types: 1, 1.0 and True are equal, and do not give columns of one type.
    if params is None:
        return None
    pairs = params.items() if isinstance(params, Mapping) else enumerate(params)
    return tuple((name, type(value).__name__, value) for name, value in pairs)
