"""One host in a few numbers and words: what lists of hosts show, and what deserves a look, of the newest rows of its tables.

Who follows a thousand hosts reads twenty values of each instead of all their rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.model.health import CHECKED, Findings, Reason
from nagare.model.host_rows import Columns, split_moments
from nagare.model.host_series import LIST_SERIES, read_value, series_by_table

_TOLD_BY = series_by_table(LIST_SERIES)
# Collectors tell of themselves at moments of their own, a few in each batch: one that failed stands until it tells again.
_COLLECTORS = "agent"
# More than there are collectors; what a host calls them is its own word.
_COLLECTORS_LIMIT = 256


class HostDigest:
    """The newest values of a host by series, since somebody began to follow it."""

    __slots__ = ("_failed", "_findings", "_newest_ms", "reasons", "ts_ms", "values")

    def __init__(self) -> None:
        """Begin with nothing known."""
        # Unix milliseconds by the host's clock, of its newest row.
        self.ts_ms = 0
        # By ``LIST_SERIES``; NaN where the newest rows do not say.
        self.values: dict[str, float] = {}
        self.reasons: tuple[Reason, ...] = ()
        self._newest_ms: dict[str, int] = {}
        self._findings = Findings()
        self._failed: dict[str, object] = {}

    def take(self, tables: Mapping[str, Columns]) -> None:
        """Take the rows of a batch in; of each table the newest moment stands."""
        has_news = False
        for table, columns in tables.items():
            told, is_checked = _TOLD_BY.get(table, ()), table in CHECKED
            if table == _COLLECTORS:
                has_news |= self._findings.look(table, self._collectors(columns))
            elif told or is_checked:
                ts_ms, rows = _newest(columns)
                if ts_ms < self._newest_ms.get(table, 0):
                    continue
                self._newest_ms[table] = ts_ms
                self.ts_ms = max(self.ts_ms, ts_ms)
                for series in told:
                    self.values[series.id] = read_value(series, rows)
                if is_checked:
                    has_news |= self._findings.look(table, rows)
        if has_news:
            self.reasons = tuple(self._findings)

    def _collectors(self, columns: Columns) -> Columns:
        """Return those collectors that failed when they told last, as rows of their table."""
        names = columns.get("collector", ())
        oks, errors = columns.get("ok") or [None] * len(names), columns.get("error") or [None] * len(names)
        for name, is_ok, error in zip(names, oks, errors, strict=False):
            if is_ok is not False:
                self._failed.pop(str(name), None)
            elif len(self._failed) < _COLLECTORS_LIMIT:
                self._failed[str(name)] = error
        return _failed_rows(self._failed)


def _newest(columns: Columns) -> tuple[int, Columns]:
    moments = split_moments(columns)
    return moments[-1] if moments else (0, {})


_NONE: Columns = MappingProxyType({})


def _failed_rows(failed: Mapping[str, object]) -> Columns:
    if not failed:
        return _NONE
    return {"collector": list(failed), "ok": [False] * len(failed), "error": list(failed.values())}
