"""Series numbers for codecs under test: a dictionary both ways, with an optional bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nagare.errors import InvalidLabelError
from nagare.model.samples import REFUSED_SERIES, Samples, SeriesId

Key = tuple[str, tuple[tuple[str, str], ...]]


class Interned:
    """Numbers series in the order they come; past ``limit`` they are refused."""

    def __init__(self, limit: int = 10**6) -> None:
        self.limit = limit
        self.by_key: dict[Key, SeriesId] = {}
        self.calls = 0

    def intern(self, name: str, labels: Mapping[str, str] | Sequence[tuple[str, str]]) -> SeriesId:
        self.calls += 1
        pairs = sorted(labels.items() if isinstance(labels, Mapping) else labels)
        if not name or any(not label for label, _ in pairs) or len({label for label, _ in pairs}) < len(pairs):
            raise InvalidLabelError(f"cannot use series {name!r}: an empty or duplicate name")
        key = (name, tuple(pairs))
        if key not in self.by_key:
            if len(self.by_key) >= self.limit:
                return REFUSED_SERIES
            self.by_key[key] = SeriesId(len(self.by_key))
        return self.by_key[key]

    def told(self, samples: Samples) -> list[tuple[str, dict[str, str], int, float]]:
        """Return samples as (name, labels, time, value)."""
        keys = list(self.by_key)
        rows: list[tuple[str, dict[str, str], int, float]] = []
        for series, ts, value in zip(
            samples.series.tolist(), samples.ts_ms.tolist(), samples.values.tolist(), strict=True
        ):
            name, labels = keys[series] if series >= 0 else ("", ())
            rows.append((name, dict(labels), ts, value))
        return rows


def same(left: list[Any], right: list[Any]) -> bool:
    """Tell whether two lists of samples are equal, a NaN being equal to a NaN."""
    return len(left) == len(right) and all(
        a[:-1] == b[:-1] and (a[-1] == b[-1] or (math.isnan(a[-1]) and math.isnan(b[-1])))
        for a, b in zip(left, right, strict=True)
    )
