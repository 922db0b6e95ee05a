"""What waits for one live connection: the latest rows of each (host, table), hosts' digests, and other frames in order.

Bounded both ways. Rows that nobody fetched are replaced by newer rows of the same (host, table) and counted as missed
for that host; when even that holds too many bytes, the host that waits longest is dropped. Of other frames the oldest
goes first. A slow reader loses frames, never the server.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence

from nagare.lib.counters import Counters
from nagare.server.live.digests import Heard
from nagare.wire.batch import Cell
from nagare.wire.live_codec import encode_columns, join_rows

# Rows are shared between connections, so that this much is held once, not once for each slow reader.
_ROWS_LIMIT_BYTES = 16 * 2**20


class Parcel:
    """One host's new rows, encoded once for all connections: each table once, each selection of tables once."""

    __slots__ = ("_columns", "_frames", "_tables", "host")

    def __init__(self, host: str, tables: Mapping[str, Mapping[str, Sequence[Cell]]]) -> None:
        """Hold the columns; nothing is encoded before somebody wants it."""
        self.host = host
        self._columns = tables
        self._tables: dict[str, bytes] = {}
        self._frames: dict[tuple[str, ...], bytes] = {}

    @property
    def names(self) -> Iterable[str]:
        """The tables it has rows of."""
        return self._columns.keys()

    def table(self, name: str) -> bytes:
        """Return one table as a JSON fragment."""
        fragment = self._tables.get(name)
        if fragment is None:
            fragment = self._tables[name] = encode_columns(self._columns[name])
        return fragment

    def frame(self, names: tuple[str, ...]) -> bytes:
        """Return the frame with those tables and nothing missed."""
        frame = self._frames.get(names)
        if frame is None:
            frame = self._frames[names] = join_rows(self.host, {name: self.table(name) for name in names})
        return frame


class Outbox:
    """The frames that wait for one connection."""

    def __init__(self, frame_limit: int, counters: Counters) -> None:
        """Bound the ordered frames by ``frame_limit``; drops are counted in ``counters``."""
        self._frames: deque[bytes] = deque()
        self._frame_limit = frame_limit
        self._rows: OrderedDict[str, dict[str, Parcel]] = OrderedDict()
        self._rows_bytes = 0
        self._missed: dict[str, int] = {}
        self._heard: dict[str, Heard] = {}
        self._heard_missed = 0
        self._counters = counters

    def __bool__(self) -> bool:
        """Tell whether anything waits but digests, which come at a pace of their own."""
        return bool(self._frames or self._rows)

    def put_frame(self, frame: bytes) -> None:
        """Add a frame; the oldest makes way when there are too many."""
        if len(self._frames) >= self._frame_limit:
            self._frames.popleft()
            self._counters.add("frames_dropped")
        self._frames.append(frame)

    def put_rows(self, parcel: Parcel, names: tuple[str, ...]) -> None:
        """Add rows of those tables; they replace what still waits of the same (host, table)."""
        waiting = self._rows.setdefault(parcel.host, {})
        is_replacing = False
        for name in names:
            replaced = waiting.get(name)
            if replaced is not None:
                is_replacing = True
                self._rows_bytes -= len(replaced.table(name))
            waiting[name] = parcel
            self._rows_bytes += len(parcel.table(name))
        if is_replacing:
            self._miss(parcel.host)
        while self._rows_bytes > _ROWS_LIMIT_BYTES and len(self._rows) > 1:
            self._drop_oldest_host()

    def put_digest(self, host: str, heard: Heard) -> None:
        """Have a host told of; what waits of it is what it says when it is taken."""
        if host in self._heard:
            self._heard_missed += 1
            self._counters.add("frames_dropped")
        self._heard[host] = heard

    def take_digests(self) -> tuple[dict[str, Heard], int]:
        """Return the hosts to tell of, and how many reports of them were passed over."""
        taken = (self._heard, self._heard_missed)
        self._heard, self._heard_missed = {}, 0
        return taken

    def take(self) -> bytes:
        """Return the next frame: ordered frames first, for they are few and small. Needs something waiting."""
        if self._frames:
            return self._frames.popleft()
        host, waiting = self._rows.popitem(last=False)
        missed = self._missed.pop(host, 0)
        self._rows_bytes -= sum(len(parcel.table(name)) for name, parcel in waiting.items())
        parcels = set(map(id, waiting.values()))
        if missed == 0 and len(parcels) == 1:
            return next(iter(waiting.values())).frame(tuple(waiting))
        return join_rows(host, {name: parcel.table(name) for name, parcel in waiting.items()}, missed)

    def forget_rows(self) -> None:
        """Drop the rows that wait, because nobody is subscribed to them any more."""
        self._rows.clear()
        self._missed.clear()
        self._rows_bytes = 0
        self.take_digests()

    def _drop_oldest_host(self) -> None:
        host, waiting = self._rows.popitem(last=False)
        self._rows_bytes -= sum(len(parcel.table(name)) for name, parcel in waiting.items())
        self._miss(host)

    def _miss(self, host: str) -> None:
        # Bounded: a name stands here only while its rows wait, or until its next rows are sent.
        self._missed[host] = self._missed.get(host, 0) + 1
        self._counters.add("frames_dropped")
