"""Chooses what a statement reads: raw rows, or where that means the same, the coarsest rollup and raw rows at its edges.

A SELECT that ``shape`` understands reads whole buckets of a rollup for the inside of its time, and raw rows, each as a
bucket of its own, for the rest: the ends, and hours whose rollups lack rows. So its answer is the one that raw rows would
give. Only where raw rows are gone does it begin and end with whole buckets, and a note says so.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.blocks.sources import Sources
from nagare.metrics.blocks.views import Tables, View, Window
from nagare.metrics.rollups.hours import HOUR_MS, HOURS, MINUTES, TIERS, Tier, is_rolled
from nagare.metrics.rollups.moments import Asking, Written
from nagare.metrics.rollups.plan import SAMPLES_SCHEMA, Plan, plan_of, schema_of
from nagare.metrics.rollups.shape import Node, Shape, find_shapes, is_fixed
from nagare.metrics.rollups.views import Asked, RollupViews, during, find_spans
from nagare.metrics.schema import Schema
from nagare.metrics.sql.bounds import NO_BOUNDS, Bounds
from nagare.metrics.sql.naming import named_columns
from nagare.metrics.sql.sandbox import Checked
from nagare.metrics.sql.types import AnswerTypes
from nagare.model.tables import SAMPLES

# Below it raw rows are read as quickly.
LEAST_MS: Mapping[Tier, int] = {MINUTES: 2 * HOUR_MS, HOURS: 24 * HOUR_MS}
# Where fewer raw rows go into one of a rollup, those of a shorter time are read as quickly themselves: half a day of samples
# at 10 s in two thirds of the time, because two kinds of rows have to be planned for.
LEAST_SHARE, SPARSE_MS = 8, 24 * HOUR_MS
RAW = "raw"
# In the names of views that take the place of tables: no statement names one by chance.
_VIEWS = secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the hosts it may see (None: all), the times of its request, its parameters; of a table's rows, what texts.

    See ``View.texts``. ``told`` are the schemas from which the types of the answer follow, see ``AnswerTypes``; ``times``
    gives the bounds of each place that names a table.
    """

    hosts: frozenset[str] | None
    window: Window
    params: Any
    texts: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    told: Mapping[str, Schema] | None = None
    times: Callable[[str], Sequence[Bounds]] = lambda _: [NO_BOUNDS]


@dataclass(frozen=True, slots=True)
class Choice:
    """A statement as it runs, the coarsest tier that it reads, what its answer cannot tell, and what its rollups are."""

    checked: Checked
    tier: str = RAW
    notes: tuple[str, ...] = ()
    bodies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Range:
    """The time that a SELECT is about: in [low_ms, high_ms) for certain; None is no bound.

    A bound that is made of the clock is a little later when the statement runs: ``is_moving``.
    """

    low_ms: int | None
    high_ms: int | None
    is_moving: bool


@dataclass(frozen=True, slots=True)
class TierChooser:
    """Chooses for one store; used from query threads."""

    sources: Sources
    types: AnswerTypes
    # What takes the place of aggregates, once DuckDB parsed it.
    _templates: list[Node] = field(default_factory=list)
    _written: Written = field(default_factory=Written)

    def choose(
        self,
        cursor: duckdb.DuckDBPyConnection,
        checked: Checked,
        caller: Caller,
        snapshot: Snapshot,
        schemas: Mapping[str, Schema],
    ) -> Choice:
        """Return what is read for ``checked``, asked on ``cursor``. Raises duckdb.Error."""
        known = {
            name: schema_of(name, schemas)
            for name in checked.tables & {*schemas, SAMPLES.name}
            if is_rolled(name) and _begin(snapshot, name) is not None
        }
        if not known:
            return Choice(checked)
        asking = Asking(cursor, caller.params, self._written)
        chosen = _Chosen(self, cursor, caller, snapshot, known, asking)
        if not any(chosen.may_pay(name) for name in known):
            return chosen.left_raw(checked)
        try:
            if not self._templates:
                # Two threads may both find them: the same, so in one step.
                self._templates[:] = chosen.asking.templates()
            return chosen.choice(checked, self._templates)
        except (duckdb.ProgrammingError, duckdb.NotSupportedError):
            # Written otherwise it does not bind: what the caller wrote speaks for itself.
            return _Chosen(self, cursor, caller, snapshot, known, asking).left_raw(checked)


class _Chosen:
    """One statement on its way."""

    def __init__(
        self, chooser: TierChooser, cursor: duckdb.DuckDBPyConnection, caller: Caller, snapshot: Snapshot,
        schemas: Mapping[str, Schema], asking: Asking,
    ) -> None:  # fmt: skip
        self._sources = chooser.sources
        self._types = chooser.types
        self._views = Tables(caller.hosts)
        self._cursor = cursor
        self._caller = caller
        self._snapshot = snapshot
        self._schemas = schemas
        self.asking = asking
        self._tiers: list[Tier] = []
        self._with_labels = True
        self._notes: dict[str, None] = {}

    def may_pay(self, table: str) -> bool:
        """Tell whether some rollup of ``table`` has enough whole buckets of what the statement may want of it.

        Most statements are about too short a time for that, and this is a fifth of the way to know it for certain.
        """
        window = self._caller.window
        asked = [each.both(Bounds(window.since_ms, window.until_ms)) for each in self._caller.times(table)]
        ranges = [_Range(each.low_ms, each.high_ms, is_moving=False) for each in asked]
        may_pay = any(self._zone(table, tier, each) for each in ranges for tier in TIERS)
        self._notes.clear()
        return may_pay

    def choice(self, checked: Checked, templates: Sequence[Node]) -> Choice:
        plans = {name: _seen_plan(schema) for name, schema in self._schemas.items()}
        self._with_labels = checked.may_read("labels")
        tree = dict(checked.tree)
        # Most statements are about too short a time, and a copy takes as long as all of this.
        if any(self._place(shape) for shape in find_shapes(tree, plans, templates)):
            # Some times faster than by ``deepcopy``: all of it came as JSON.
            tree = json.loads(json.dumps(tree))
            for shape in find_shapes(tree, plans, templates):
                self._rewrite(shape)
        left = {str(node.get("table_name")).lower() for node in sources_of(tree)}
        for table in sorted(self._schemas.keys() & left):
            self._note_missing(table)
        if not self._tiers:
            return Choice(checked, RAW, tuple(self._notes))
        sql = self.asking.text(tree)
        tier = max(self._tiers, key=lambda tier: tier.width_ms).name
        tables = frozenset(name for name in checked.tables if name.lower() in left)
        named = named_columns(tree, tables)
        written = replace(
            checked, written=replace(checked.written, sql=sql), tree=tree, tables=tables, named=named, form=""
        )
        if tables == checked.tables - self._schemas.keys():
            self._bind(written)
        return Choice(written, tier, tuple(self._notes), self._views.bodies)

    def _bind(self, written: Checked) -> None:
        """Have ``written`` bound once, for which nothing but rollups has to be there. Raises duckdb.Error."""
        params, told = self._caller.params, self._caller.told
        if self._types.find(written, params, told) is not None:
            return
        self._views.make(self._cursor)
        found = self._cursor.execute(f"DESCRIBE {written.written.sql}", params or None).fetchall()
        if not written.is_explain:
            self._types.note(written, params, told, [(str(row[0]), str(row[1])) for row in found])

    def left_raw(self, checked: Checked) -> Choice:
        for table in sorted(self._schemas):
            self._note_missing(table)
        return Choice(checked, RAW, tuple(self._notes))

    def _rewrite(self, shape: Shape) -> None:
        """Let ``shape`` read a rollup if that is worth it."""
        place = self._place(shape)
        if place is None:
            return
        tier, zone = place
        view = f"{shape.table} by {tier.text} {_VIEWS}{len(self._tiers)}"
        self._make(view, shape, tier, zone)
        shape.apply(view, [self.asking.name(item) for item in shape.unnamed])
        self._tiers.append(tier)

    def _place(self, shape: Shape) -> tuple[Tier, Window] | None:
        """Return which rollup ``shape`` shall read, and of which time; None if that is not worth it."""
        asked_range = self._range(shape)
        width_ms = self.asking.common_width(shape.widths)
        if asked_range is None or width_ms is None:
            return None
        for tier in reversed(TIERS):
            if width_ms % tier.width_ms == 0 and (zone := self._zone(shape.table, tier, asked_range)):
                return tier, zone
        return None

    def _range(self, shape: Shape) -> _Range | None:
        """Return the time that ``shape`` is about, None when nobody knows."""
        lows, highs = [self._caller.window.since_ms], [self._caller.window.until_ms]
        for side, node in shape.bounds:
            moment = self.asking.moment(node)
            if moment is None:
                return None
            # Rounded to the inside: what is between is read as raw rows.
            if side in ("from", "after"):
                lows.append(-(-moment // 1000) if side == "from" else moment // 1000 + 1)
            else:
                highs.append(moment // 1000)
        is_moving = not all(is_fixed(node) for _, node in shape.bounds)
        known_lows = [low for low in lows if low is not None]
        known_highs = [high for high in highs if high is not None]
        return _Range(max(known_lows, default=None), min(known_highs, default=None), is_moving)

    def _zone(self, table: str, tier: Tier, asked: _Range) -> Window | None:
        """Return the whole buckets of ``tier`` inside ``asked``, None when they are too few."""
        blocks = self._snapshot.blocks.get(tier.table(table), ())
        if not blocks:
            return None
        width, floor_ms = tier.width_ms, self._snapshot.floor_ms
        first, last = min(block.min_ms for block in blocks), max(block.max_ms for block in blocks) + width
        # One bucket more at each end is read raw where a bound moves.
        spare = width if asked.is_moving else 0
        low = first if asked.low_ms is None else max(first, -(-asked.low_ms // width) * width + spare)
        high = last if asked.high_ms is None else min(last, asked.high_ms // width * width - spare)
        if asked.low_ms is not None and asked.low_ms < floor_ms:
            low = max(first, -(-asked.low_ms // width) * width)
        if asked.high_ms is not None and asked.high_ms <= floor_ms:
            high = min(last, asked.high_ms // width * width)
        # Where raw rows are gone the finest buckets that are left come closest to what was asked.
        is_old = low < floor_ms
        is_finest = tier is MINUTES or not self._reaches(MINUTES, table, low)
        if low >= high or (high - low < LEAST_MS[tier] and not (is_old and is_finest)):
            return None
        if not is_old and high - low < SPARSE_MS and not self._is_coarse(table, tier, Window(low, high)):
            return None
        if is_old:
            self._note(
                f"raw rows of {table} begin at {_moment(floor_ms)}: before it the answer is of whole {_BUCKETS[tier]}"
            )
        begin = _begin(self._snapshot, table)
        if begin is not None and low >= begin + HOUR_MS and (asked.low_ms is None or asked.low_ms < low - width):
            self._note(f"{tier.table(table)} begins at {_moment(low)}; {HOURS.table(table)} goes back further")
        return Window(low, high)

    def _is_coarse(self, table: str, tier: Tier, zone: Window) -> bool:
        """Tell whether ``tier`` has few rows beside the raw ones that it stands for in ``zone``."""
        # Blocks of the two seldom begin and end together: whole ones would count for what is outside.
        raw, rolled = (
            sum(rows_within(each, zone, width) for each in self._snapshot.blocks.get(name, ()))
            for name, width in ((table, 1), (tier.table(table), tier.width_ms))
        )
        return rolled * LEAST_SHARE <= raw

    def _reaches(self, tier: Tier, table: str, at_ms: int) -> bool:
        return any(block.min_ms <= at_ms for block in self._snapshot.blocks.get(tier.table(table), ()))

    def _note(self, text: str) -> None:
        self._notes[text] = None

    def _make(self, view: str, shape: Shape, tier: Tier, zone: Window) -> None:
        """Make ``view``: buckets inside ``zone``, raw rows outside it and where rollups lack rows."""
        table, caller, snapshot = shape.table, self._caller, self._snapshot
        schema = self._schemas[table]
        # DuckDB looks at every column of a view before it leaves out the most.
        plan = plan_of(schema).narrowed(shape.names | {"series"} if self._with_labels else shape.names)
        spans = find_spans(self._cursor, self._sources, snapshot, Asked(schema, tier, caller.hosts, zone))
        lacking = during(spans)
        name = tier.table(table)
        rolled = View(name, plan.file_columns(), caller.hosts, zone, f"NOT ({lacking})" if lacking else "")
        outside = f"ts < make_timestamp_ms({zone.since_ms}) OR ts >= make_timestamp_ms({zone.until_ms})"
        # What is left of raw rows before the floor is not all of them.
        whole = Window(max(snapshot.floor_ms, caller.window.since_ms or 0), caller.window.until_ms)
        rest = f"({outside}{' OR ' if lacking else ''}{lacking})"
        raw = View(table, plan.raw_columns(), caller.hosts, whole, rest, caller.texts.get(table, {}))
        wanted = tuple(b for b in snapshot.blocks.get(table, ()) if not _is_inside(b, zone, spans))
        fewer = replace(snapshot, blocks={**snapshot.blocks, table: wanted})
        rows = plan.as_rows(raw.body(self._sources.raw(self._cursor, raw, fewer, schema)))
        body = rolled.body([*self._sources.blocks(rolled, snapshot, name), rows])
        asked = Asked(schema, tier, caller.hosts, zone, self._with_labels)
        labelled = RollupViews(self._sources).labelled(self._cursor, asked, "*", body)
        self._views.bodies[view] = labelled

    def _note_missing(self, table: str) -> None:
        """Say that raw rows of ``table`` begin later than its rollups, if the request may ask for older ones."""
        floor_ms, since_ms = self._snapshot.floor_ms, self._caller.window.since_ms
        begin = _begin(self._snapshot, table)
        if begin is not None and begin < floor_ms and (since_ms is None or since_ms < floor_ms):
            names = " and ".join(tier.table(table) for tier in TIERS if self._snapshot.blocks.get(tier.table(table)))
            self._note(f"raw rows of {table} begin at {_moment(floor_ms)}; {names} go back further")


_BUCKETS: Mapping[Tier, str] = {MINUTES: "minutes", HOURS: "hours"}


def _seen_plan(schema: Schema) -> Plan:
    """Return the plan of what a statement can name."""
    plan = plan_of(schema)
    keys = {name: plan.keys.get(name, "") for name in ("name", "labels")} if schema is SAMPLES_SCHEMA else plan.keys
    return replace(plan, keys=keys)


def _begin(snapshot: Snapshot, table: str) -> int | None:
    blocks = [block for tier in TIERS for block in snapshot.blocks.get(tier.table(table), ())]
    return min((block.min_ms for block in blocks), default=None)


def rows_within(block: Block, window: Window, width_ms: int = 1) -> float:
    """Return about how many rows of ``block`` are in ``window``: as many as if they lay evenly, each ``width_ms`` long."""
    end_ms = block.max_ms + width_ms
    low = block.min_ms if window.since_ms is None else max(block.min_ms, window.since_ms)
    high = end_ms if window.until_ms is None else min(end_ms, window.until_ms)
    return block.rows * max(0, high - low) / (end_ms - block.min_ms)


def _is_inside(block: Block, zone: Window, spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether every row of ``block`` is in a bucket of ``zone``."""
    if zone.since_ms is None or zone.until_ms is None:
        return False
    is_lacking = any(block.min_ms < until and block.max_ms >= since for since, until in spans)
    return block.min_ms >= zone.since_ms and block.max_ms < zone.until_ms and not is_lacking


def sources_of(tree: Any) -> list[dict[str, Any]]:
    """Return the places in ``tree`` that name a table."""
    found: list[dict[str, Any]] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                found.append(node)
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found


def _moment(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
