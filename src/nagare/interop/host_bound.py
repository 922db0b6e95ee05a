"""A host's token speaks for one host: its series get that host's label, and others' are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nagare.errors import PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.model.samples import SeriesId, SeriesIntern

# The labels by which a series says whose it is, before ``instance`` is asked.
HOST_LABELS = ("host", "host.name", "host_name")


def check_claims(labels: Iterable[tuple[str, str]], host: str) -> bool:
    """Tell whether ``labels`` name ``host``. Raises PermissionDeniedError when they name another host."""
    said = {value for label, value in labels if label in HOST_LABELS and value}
    for other in said - {host}:
        raise PermissionDeniedError(
            f"cannot take series of host {plain(other, 80)!r}: this token may only speak as {host!r}"
        )
    return bool(said)


class HostBound:
    """A ``SeriesIntern`` that numbers series of ``host`` only. ``instance`` does not count: exporters name it as they like."""

    def __init__(self, series: SeriesIntern, host: str) -> None:
        """Ask ``series`` for the numbers."""
        self._series = series
        self._host = host

    def intern(self, name: str, labels: Mapping[str, str] | Sequence[tuple[str, str]]) -> SeriesId:
        """Return the number of the series, with its host's label. Raises PermissionDeniedError for another host's."""
        pairs = list(labels.items() if isinstance(labels, Mapping) else labels)
        is_said = check_claims(pairs, self._host)
        return self._series.intern(name, pairs if is_said else [*pairs, ("host", self._host)])
