"""What is asked for of one moment of the past, as a value, and the model that the screens show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nagare.model.health import Level
from nagare.model.host import DOWN_INTERVALS, STALE_INTERVALS
from nagare.model.host_series import NAN, SERIES, SPARK_SERIES
from nagare.tui.history import Points
from nagare.tui.host_live import HostLive
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.live_model import FLEET_INTERVAL_MS, LiveModel
from nagare.tui.ring import Ring
from nagare.wire.alerts import AlertView
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import Rows
from nagare.wire.replaced import replaced

Columns = Mapping[str, Sequence[Any]]
# Twice the widest bucket that a chart of the usual window has.
_OPEN_MS = 30_000


@dataclass(frozen=True, slots=True)
class FleetThen:
    """The fleet at ``at_ms`` (Unix milliseconds). ``tables`` have the rows of all hosts, with a column ``host``.

    ``views`` are the hosts as they are now. ``heard_ms`` says when those without rows were last heard. ``note`` says what is
    coarser than it was, empty where nothing is.
    """

    at_ms: int
    views: Sequence[HostView] = ()
    tables: Mapping[str, Columns] = field(default_factory=dict)
    seeds: Mapping[str, Points] = field(default_factory=dict)
    heard_ms: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[EventView] = ()
    alerts: Sequence[AlertView] = ()
    note: str = ""


def build_model(then: FleetThen, watched: str) -> LiveModel:
    """Return what the screens would have shown at that moment; ``watched`` is the host that is looked at.

    Touches nothing else, so that a thread may do it.
    """
    model = LiveModel()
    model.watched = watched
    for view in then.views:
        if (moment_ms(view.registered_at) or 0) <= then.at_ms:
            model.put_host(_view_then(view), then.at_ms)
    by_host = _by_host(then.tables)
    for name in then.seeds.keys() | by_host.keys():
        model.ensure_host(name)
    model.seed(then.seeds)
    for name, tables in by_host.items():
        model.apply(Rows(host=name, tables=tables), _newest_ms(tables))
    for name, seen_ms in then.heard_ms.items():
        if name in model.hosts and model.hosts[name].seen_ms is None:
            model.hosts[name].seen_ms = seen_ms
    model.newest_ms = max((host.seen_ms for host in model.hosts.values() if host.seen_ms is not None), default=None)
    model.add_events(then.events)
    model.alerts = {alert.id: alert for alert in then.alerts}
    model.is_primed = True
    model.settle(then.at_ms)
    for host in model.hosts.values():
        host.level_since_ms = _silent_since_ms(host)
    _fill_fleet(model, then.at_ms)
    return model


def newest_ring(host: HostLive, series_id: str) -> Ring:
    """Return the short history of a series, with at least its newest value: of most series no more is held of a past moment."""
    ring, latest = host.ring(series_id), host.tables.get(SERIES[series_id].table)
    if not len(ring) and latest is not None:
        ring.append(latest.ts_ms, host.value(series_id))
    return ring


def _fill_fleet(model: LiveModel, at_ms: int) -> None:
    """Give the fleet's own lines their newest points, which the history by SQL has only in part: its last bucket is open."""
    for sampled_ms in range(at_ms - _OPEN_MS, at_ms + 1, FLEET_INTERVAL_MS):
        values = {name: _values_at(host, sampled_ms) for name, host in model.hosts.items()}
        model.sample_fleet(sampled_ms, values)


def _values_at(host: HostLive, at_ms: int) -> dict[str, float]:
    found = {}
    for series_id in SPARK_SERIES:
        times, values = host.ring(series_id).points()
        index = int(np.searchsorted(times, at_ms, side="right")) - 1
        found[series_id] = float(values[index]) if index >= 0 else NAN
    return found


def _silent_since_ms(host: HostLive) -> int:
    """Return since when a silent host was called so; since when values stood out is not known, and zero."""
    missed = {Level.STALE: STALE_INTERVALS, Level.DOWN: DOWN_INTERVALS}.get(host.level, 0)
    return 0 if host.seen_ms is None or not missed else host.seen_ms + round(missed * host.interval_seconds * 1000)


def _view_then(view: HostView) -> HostView:
    """Return what is known of the host at the time: whether it was in maintenance, or had that note, is not kept."""
    return replaced(view, last_seen_at=None, maintenance="", note="")


def _by_host(tables: Mapping[str, Columns]) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """Return the rows of each host, by table."""
    found: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for table, columns in tables.items():
        names = [name for name in columns if name != "host"]
        cells = [columns[name] for name in names]
        for index, host in enumerate(columns.get("host", ())):
            own = found.setdefault(str(host), {}).get(table)
            if own is None:
                own = found[str(host)][table] = {name: [] for name in names}
            for name, column in zip(names, cells, strict=True):
                own[name].append(column[index])
    return found


def _newest_ms(tables: Mapping[str, Columns]) -> int:
    return max(
        (stamp for columns in tables.values() for stamp in columns.get("ts", ()) if isinstance(stamp, int)), default=0
    )
