"""The state behind every screen: each host's newest rows, short histories for sparklines, recent events, the connection.

Frames go in, snapshots come out; nothing here draws, waits or asks. Owned by the event loop, so nothing locks. Bounds:
rings hold a quarter of an hour, events the newest 500, hosts what the server has.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from nagare.lib.units import Unit
from nagare.model.health import CPU_BOUND, URGENCY, Level, Reason, level_of
from nagare.model.host import host_state
from nagare.model.host_series import NAN, SERIES, SPARK_SERIES
from nagare.tui.fleet_columns import FleetColumns
from nagare.tui.host_live import HostLive, Latest
from nagare.tui.ring import FloatArray, Ring, TimeArray
from nagare.tui.widgets.row_order import natural_key
from nagare.wire.alerts import AlertView
from nagare.wire.auth import Me
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import Digests, EventFrame, HostFrame, Rows

EVENT_LIMIT = 500
_LEVELS = {level.value: level for level in Level}
# The fleet's own lines get a point as often as hosts report at the default.
FLEET_INTERVAL_MS = 5000


class Phase(StrEnum):
    """Where the connection stands."""

    CONNECTING = "connecting"
    ONLINE = "online"
    LOST = "lost"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection as people are told about it; times are Unix milliseconds of our own clock."""

    phase: Phase = Phase.CONNECTING
    since_ms: int = 0
    reason: str = ""
    hint: str = ""
    retry_at_ms: int | None = None
    url: str = ""
    version: str = ""


@dataclass(slots=True)
class Changes:
    """What changed since the last repaint, so that only that is drawn again."""

    hosts: set[str] = field(default_factory=set)
    fleet: bool = False
    events: bool = False
    connection: bool = False
    alerts: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.hosts) or self.fleet or self.events or self.connection or self.alerts


class LiveModel:
    """All that the screens show of the present."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.fleet_columns = FleetColumns()
        self.hosts: dict[str, HostLive] = {}
        self.events: deque[EventView] = deque(maxlen=EVENT_LIMIT)
        # The active ones, by id.
        self.alerts: dict[str, AlertView] = {}
        self.connection = Connection()
        self.fleet: dict[str, Ring] = {}
        self.watched: str = ""
        # Who we are to the server; None while it is not known.
        self.caller: Me | None = None
        self.missed_total = 0
        self.newest_ms: int | None = None
        self.changes = Changes()
        self.is_primed = False
        # Whether the histories that were asked for have come: before that nobody knows how old the data is.
        self.is_seeded = False
        self._event_ids: set[str] = set()
        # Hosts of which something deserves a look, and those whose level is to be judged anew.
        self._reasoned: set[str] = set()
        self._doubtful: set[str] = set()
        self._states: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        self._was_deaf = False
        self._counts: dict[Level, int] | None = None
        self._named: list[HostLive] | None = None

    def take_changes(self) -> Changes:
        """Return what changed since the last call."""
        changes, self.changes = self.changes, Changes()
        return changes

    def set_connection(self, connection: Connection) -> None:
        """Say where the connection stands."""
        self.connection = connection
        self.changes.connection = True

    def apply(self, frame: object, now_ms: int) -> None:
        """Take one frame of the server in."""
        if isinstance(frame, Rows):
            self._take_rows(frame, now_ms)
        elif isinstance(frame, Digests):
            self._take_digests(frame, now_ms)
        elif isinstance(frame, EventFrame):
            self.add_events([frame.event])
        elif isinstance(frame, HostFrame):
            self._take_host_frame(frame, now_ms)

    def _take_host_frame(self, frame: HostFrame, now_ms: int) -> None:
        if frame.removed:
            self._forget(frame.host.name)
        else:
            self.put_host(frame.host, now_ms)

    def put_host(self, view: HostView, now_ms: int) -> HostLive:
        """Take what the server says of a host."""
        host = self._host(view.name)
        host.put_view(view)
        if host.seen_ms is None and view.last_seen_at:
            host.seen_ms = min(now_ms, _unix_ms(view.last_seen_at))
        self.changes.hosts.add(view.name)
        return host

    def keep_only(self, names: Sequence[str]) -> None:
        """Forget hosts that the server no longer lists."""
        for name in set(self.hosts) - set(names):
            self._forget(name)

    def _forget(self, name: str) -> None:
        if (host := self.hosts.pop(name, None)) is not None:
            host.leave()
            self._doubtful.discard(name)
            self._reasoned.discard(name)
        self._counts = self._named = None
        self.changes.fleet = True

    def ensure_host(self, name: str) -> HostLive:
        """Return the host, made when nothing is known of it yet."""
        return self._host(name)

    def _host(self, name: str) -> HostLive:
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = HostLive(name, self.fleet_columns)
            self._doubtful.add(name)
            self._counts = self._named = None
            self.changes.fleet = True
        return host

    def _take_rows(self, rows: Rows, now_ms: int) -> None:
        host = self._host(rows.host)
        host.seen_ms = self.newest_ms = now_ms
        self.missed_total += rows.missed
        host.take(rows.tables, is_watched=rows.host == self.watched)
        self._note_reasons(host)
        self.changes.hosts.add(rows.host)

    def _take_digests(self, frame: Digests, now_ms: int) -> None:
        names, fleet = frame.hosts, self.fleet_columns
        for name in names:
            if name not in self.hosts:
                self._host(name)
        slots = fleet.slots_of(names)
        heard_ms = now_ms - np.array(frame.ages, dtype=np.float64)
        fleet.hear(slots, heard_ms)
        if len(heard_ms):
            self.newest_ms = max(int(heard_ms.max()), self.newest_ms or 0)
        told = slice(None) if self.watched not in names else np.array(names) != self.watched
        times = np.array(frame.ts, dtype=np.int64)[told]
        # Numbers that are not known come as nulls, which become NaN.
        values = {name: np.array(cells, dtype=np.float64)[told] for name, cells in frame.values.items()}
        fleet.take(slots[told], times, values)
        means = fleet.busy_means(slots[told])
        self._judge(frame, {fleet.names[slot]: mean for slot, mean in means.items()})
        self.missed_total += frame.missed
        self.changes.hosts.update(names)

    def _judge(self, frame: Digests, busy: Mapping[str, float]) -> None:
        """Say what deserves a look on the hosts of a frame; most have nothing that did or does."""
        full = {name for name, mean in busy.items() if mean >= CPU_BOUND}
        for name in frame.reasons.keys() | full | (self._reasoned & set(frame.hosts)):
            host = self.hosts.get(name)
            if host is not None and name != self.watched:
                found = _reasons(frame.reasons.get(name, ()))
                host.judge(found, busy.get(name, NAN), is_news=bool(found))
                self._note_reasons(host)

    def _note_reasons(self, host: HostLive) -> None:
        if host.reasons:
            self._reasoned.add(host.name)
        elif host.name in self._reasoned:
            self._reasoned.remove(host.name)
        else:
            return
        self._doubtful.add(host.name)

    def put_latest(self, host: HostLive, table: str, columns: Mapping[str, Sequence[object]]) -> None:
        """Take rows that were asked for; frames that came meanwhile are newer."""
        if table not in host.tables:
            host.tables[table] = Latest(0, columns)
            self.changes.hosts.add(host.name)

    def add_events(self, events: Sequence[EventView]) -> None:
        """Take events in, each once, newest first."""
        fresh = [event for event in events if event.id not in self._event_ids]
        if fresh:
            ordered = sorted([*self.events, *fresh], key=lambda event: event.ts, reverse=True)[:EVENT_LIMIT]
            self.events = deque(ordered, maxlen=EVENT_LIMIT)
            self._event_ids = {event.id for event in ordered}
            self.changes.events = True

    def settle(self, now_ms: int) -> None:
        """Bring levels up to ``now_ms``. While nothing can be heard, what lived is stale: nobody knows better."""
        is_deaf = self.connection.phase in (Phase.LOST, Phase.MISSING)
        for name in self._to_settle(now_ms, is_deaf=is_deaf):
            host = self.hosts[name]
            level = level_of(host_state(_silence(host, now_ms), host.interval_seconds), host.reasons)
            if is_deaf and host.level not in (Level.DOWN, Level.UNKNOWN):
                level = Level.STALE
            if level is not host.level:
                host.level_since_ms = self._since_ms(host, now_ms, is_deaf=is_deaf)
                host.level = level
                self._counts = None
                self.changes.hosts.add(host.name)

    def _to_settle(self, now_ms: int, *, is_deaf: bool) -> Iterable[str]:
        """Return the hosts whose level may be another: those that fell silent or spoke again, and those that were judged."""
        fleet, known, doubtful = self.fleet_columns, self._states, self._doubtful
        self._doubtful = set()
        slots = fleet.slots()
        self._states = states = np.zeros(len(fleet.names), dtype=np.int8)
        states[slots] = fleet.states(slots, now_ms)
        was_deaf, self._was_deaf = self._was_deaf, is_deaf
        if is_deaf or was_deaf or len(known) != len(states):
            return self.hosts
        return doubtful.union(
            fleet.names[slot] for slot in np.flatnonzero(states != known).tolist() if fleet.names[slot]
        )

    def _since_ms(self, host: HostLive, now_ms: int, *, is_deaf: bool) -> int:
        if is_deaf:
            return self.connection.since_ms
        # The first judgement does not know since when; what the host said last is the best guess.
        return now_ms if host.level is not Level.UNKNOWN else (host.seen_ms or now_ms)

    def counts(self) -> Mapping[Level, int]:
        """Return how many hosts stand at each level."""
        if self._counts is None:
            self._counts = dict.fromkeys(Level, 0)
            for host in self.hosts.values():
                self._counts[host.level] += 1
        return self._counts

    def by_urgency(self) -> list[HostLive]:
        """Return the hosts, worst first, then by name."""
        return sorted(self.hosts.values(), key=_urgency)

    def to_look_at(self) -> list[HostLive]:
        """Return the hosts that are not simply up, worst first, then by name."""
        return sorted((host for host in self.hosts.values() if host.level is not Level.UP), key=_urgency)

    def put_newest(self, found: Mapping[str, Mapping[str, tuple[TimeArray, FloatArray]]]) -> None:
        """Take values that were asked for; what frames brought meanwhile is newer."""
        for host, points in self._known(found):
            for series_id, (_, values) in points.items():
                if len(values) and math.isnan(host.value(series_id)):
                    host.put_newest(series_id, float(values[-1]))

    def _known(
        self, found: Mapping[str, Mapping[str, tuple[TimeArray, FloatArray]]]
    ) -> Iterator[tuple[HostLive, Mapping[str, tuple[TimeArray, FloatArray]]]]:
        for name, points in found.items():
            if (host := self.hosts.get(name)) is not None:
                self.changes.hosts.add(name)
                yield host, points

    def seed(self, found: Mapping[str, Mapping[str, tuple[TimeArray, FloatArray]]]) -> None:
        """Lay histories that were asked for under what the frames brought since."""
        self.put_newest(found)
        for host, points in self._known(found):
            for series_id, (times, values) in points.items():
                if series_id in SPARK_SERIES:
                    host.fill(series_id, times, values)
                    if len(times):
                        host.note_sample(int(times[0]))
        self.is_seeded = True

    def oldest_ms(self, name: str = "") -> int | None:
        """Return the oldest sample of a host, or of all; None while that is not known."""
        if not self.is_seeded:
            return None
        if name in self.hosts:
            return self.hosts[name].oldest_ms
        known = self.fleet_columns.oldest_ms[~np.isnan(self.fleet_columns.oldest_ms)]
        return int(known.min()) if len(known) else None

    def by_name(self) -> Sequence[HostLive]:
        """Return the hosts in the order of their names, so that a cell of a grid keeps its place."""
        if self._named is None:
            self._named = sorted(self.hosts.values(), key=lambda host: natural_key(host.name))
        return self._named

    def newest(self, series_id: str, hosts: Sequence[HostLive]) -> list[float]:
        """Return the newest values of a series that lists show, of those hosts; NaN where not known."""
        slots = np.array([host.slot for host in hosts], dtype=np.intp)
        found: list[float] = self.fleet_columns.newest[series_id][slots].tolist()
        return found

    def sample_fleet(self, now_ms: int, values: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """Add one point of each fleet series: means of ratios, sums of rates, over the hosts that speak.

        ``values`` are those of the hosts at ``now_ms``, where it is not the newest moment.
        """
        speaking = [host for host in self.hosts.values() if host.level not in (Level.DOWN, Level.UNKNOWN)]
        slots = np.array([host.slot for host in speaking], dtype=np.intp)
        for series_id in SPARK_SERIES:
            found = (
                self.fleet_columns.newest[series_id][slots]
                if values is None
                else np.array([values[host.name][series_id] for host in speaking], dtype=np.float64)
            )
            known: list[float] = found[~np.isnan(found)].tolist()
            if known:
                is_ratio = SERIES[series_id].unit is Unit.RATIO
                self.fleet_ring(series_id).append(now_ms, sum(known) / (len(known) if is_ratio else 1))
                self.fleet_ring(f"{series_id}.max").append(now_ms, max(known))

    def fleet_ring(self, series_id: str) -> Ring:
        """Return the short history of a line of the fleet, made when first asked for."""
        return self.fleet.setdefault(series_id, Ring())


def _reasons(told: Sequence[tuple[str, str]]) -> list[Reason]:
    return [Reason(_LEVELS[level], text) for level, text in told if level in _LEVELS]


def _urgency(host: HostLive) -> tuple[int, str]:
    return URGENCY.index(host.level), host.name


def _silence(host: HostLive, now_ms: int) -> float | None:
    return None if host.seen_ms is None else max(0.0, (now_ms - host.seen_ms) / 1000)


def _unix_ms(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)
