"""Lines from nodes to the blocks that hang on them: down, along a track between two bands, and down again. Pure.

A line to a band further below goes by a rail in the left margin. Lines of one node share tracks and rails; lines of others
have their own, as far as there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nagare.tui.network.blocks import Bands, Block

# More tracks than this between two bands say nothing any more: further lines share the last one.
_MOST_TRACKS = 8
# Where lines leave a node, and where they come in: seldom in the same column.
_OUT, _IN, _IN_STEP = 1, 3, 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from ``upper`` to the block of ``lowers``; ``points`` are its corners as (column, row)."""

    upper: str
    lowers: tuple[str, ...]
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """One line before tracks are known: the columns of its ends, and the channels below and above which these stand."""

    upper: str
    block: Block
    out: int
    into: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Which track, or which rail, each node's lines have; ``count`` of them."""

    of: Mapping[str, int]
    count: int


def rails_wanted(bands: Bands) -> int:
    """Return how many rails there would have to be for every line to have its own."""
    return _rails(_runs(bands), len(bands)).count


def draw_wires(bands: Bands, rails: int) -> tuple[Bands, tuple[Wire, ...], int]:
    """Return ``bands`` with their rows, the lines between them, and the height of all; ``rails`` are free on the left."""
    runs = _runs(bands)
    rail_of = _rails(runs, max(1, rails)).of
    channels = [_tracks(runs, rail_of, channel) for channel in range(len(bands))]
    placed: Bands = []
    tops: list[int] = []
    row = 0
    for band, lanes in zip(bands, channels, strict=True):
        placed.append([replace(block, row=row) for block in band])
        row += max((block.height for block in band), default=0)
        tops.append(row)
        # One row more than tracks: where lines come in, their state is told.
        row += lanes.count + 1
    rows = {block.nodes: block.row for band in placed for block in band}
    outs = {block.nodes[0]: block.row + block.height for band in placed for block in band}
    wires = (_wire(run, rail_of, channels, tops, rows, outs) for run in runs)
    return placed, tuple(wires), max(0, row - 1)


def _runs(bands: Bands) -> list[_Run]:
    """Return the lines, in the order of the map."""
    band_of = {block.nodes[0]: (at, block) for at, band in enumerate(bands) for block in band if not block.is_framed}
    runs = []
    for at, band in enumerate(bands):
        for block in band:
            known = [(band_of[upper][0], band_of[upper][1].column, upper) for upper in block.uppers if upper in band_of]
            for place, (first, column, upper) in enumerate(sorted(known)):
                into = block.column + min(_IN + place * _IN_STEP, block.width - 2)
                if at:
                    runs.append(_Run(upper, block, column + _OUT, into, first, at - 1))
    return runs


def _rails(runs: Sequence[_Run], most: int) -> _Lanes:
    spans: dict[str, tuple[int, int]] = {}
    for run in runs:
        if run.first != run.last:
            low, high = spans.get(run.upper, (run.first, run.first))
            spans[run.upper] = min(low, run.last), max(high, run.last)
    return _share(spans, most)


def _tracks(runs: Iterable[_Run], rail_of: Mapping[str, int], channel: int) -> _Lanes:
    spans: dict[str, tuple[int, int]] = {}
    for run in runs:
        columns = _columns(run, rail_of, channel)
        if columns:
            low, high = spans.get(run.upper, (columns[0], columns[0]))
            spans[run.upper] = min(low, *columns), max(high, *columns)
    return _share(spans, _MOST_TRACKS)


def _columns(run: _Run, rail_of: Mapping[str, int], channel: int) -> tuple[int, ...]:
    """Return the columns that a line touches in a channel."""
    if run.first == run.last:
        return (run.out, run.into) if run.first == channel else ()
    rail = rail_of[run.upper]
    if channel == run.first:
        return run.out, rail
    return (rail, run.into) if channel == run.last else ()


def _share(spans: Mapping[str, tuple[int, int]], most: int) -> _Lanes:
    """Give each span the first lane in which it meets no other; when all are taken, the last one."""
    ends: list[int] = []
    found: dict[str, int] = {}
    for name, (low, high) in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        lane = next((at for at, end in enumerate(ends) if end < low), len(ends))
        if lane == len(ends) and len(ends) < most:
            ends.append(high)
        lane = min(lane, most - 1)
        ends[lane] = max(ends[lane], high)
        found[name] = lane
    return _Lanes(found, len(ends))


def _wire(
    run: _Run, rail_of: Mapping[str, int], channels: Sequence[_Lanes], tops: Sequence[int],
    rows: Mapping[tuple[str, ...], int], outs: Mapping[str, int],
) -> Wire:  # fmt: skip
    first = tops[run.first] + channels[run.first].of[run.upper]
    last = tops[run.last] + channels[run.last].of[run.upper]
    points = [(run.out, outs[run.upper]), (run.out, first)]
    if run.first != run.last:
        rail = rail_of[run.upper]
        points += [(rail, first), (rail, last)]
    points += [(run.into, last), (run.into, rows[run.block.nodes] - 1)]
    return Wire(run.upper, run.block.nodes, tuple(points))
