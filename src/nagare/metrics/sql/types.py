"""The names and types of an answer's columns, which the guard of large values needs before the statement runs.

DuckDB binds the whole statement to tell them. They follow from the statement's form, the parameters and the schemas, so
the same form over the same schemas is asked about once. Records have the columns that they have at the moment: not kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from nagare.metrics.schema import Schema
from nagare.metrics.sql.forms import Cut
from nagare.metrics.sql.sandbox import Checked

_ANSWERS = 256

Types = list[tuple[str, str]]
Parameters = Sequence[Any] | Mapping[str, Any] | None


class AnswerTypes:
    """What was told of statements; used from every query thread."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards _kept; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, Any], tuple[Mapping[str, Schema], Types]] = OrderedDict()

    def find(self, checked: Checked, params: Parameters, schemas: Mapping[str, Schema] | None) -> Types | None:
        """Return the types of ``checked`` that are kept of the same ``schemas`` (the very object), None without any."""
        given = _key_of(params)
        for sql in dict.fromkeys((_form_of(checked), checked.sql)):
            with self._lock:
                known = self._kept.get((sql, given))
                if known is not None and known[0] is schemas:
                    self._kept.move_to_end((sql, given))
                    return list(known[1])
        return None

    def note(
        self,
        checked: Checked,
        params: Parameters,
        schemas: Mapping[str, Schema] | None,
        found: Sequence[tuple[str, str]],
    ) -> None:
        """Keep what was found to be the types of ``checked``; without ``schemas`` nothing is kept."""
        if schemas is None:
            return
        # A column without a name of its own is called as it is written.
        is_told = any(f"'{text}'" in name for text in checked.free for name, _ in found)
        with self._lock:
            self._kept[checked.sql if is_told else _form_of(checked), _key_of(params)] = (schemas, list(found))
            if len(self._kept) > _ANSWERS:
                self._kept.popitem(last=False)


def _form_of(checked: Checked) -> str:
    if checked.form or not checked.free:
        return checked.form or checked.sql
    cut = Cut.of(checked.sql)
    return cut.holed([place for place, text in enumerate(cut.texts) if text in checked.free])


def _key_of(params: Parameters) -> Any:
    # With their types: 1, 1.0 and True are equal, and do not give columns of one type.
    if params is None:
        return None
    pairs = params.items() if isinstance(params, Mapping) else enumerate(params)
    return tuple((name, type(value).__name__, value) for name, value in pairs)
