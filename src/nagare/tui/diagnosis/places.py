"""Where a piece of evidence leads: the charts or the list of its host at its time, its alert, its command, or its own text. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nagare.tui.jobs.rows import moment_ms
from nagare.tui.location import SPAN_LIMITS_SECONDS, Window

if TYPE_CHECKING:
    from nagare.wire.diagnosis import EvidenceView

_TABLE = re.compile(r"\bFROM (\w+)")
# What the timeline has no chart of is looked at in the list of its tab.
_TABS: Mapping[str, str] = MappingProxyType(
    {
        "process": "processes", "unit": "units", "container": "containers", "sensor": "sensors", "gpu": "gpus", "smart": "disks",
        "probe": "network", "agent": "agent", "events": "events",
    }
)  # fmt: skip
# Of one that says no time.
_SPAN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A tab of a host, the window that is shown of it, and the moment that its crosshair stands on."""

    host: str
    tab: str
    window: Window
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class AlertPlace:
    """An alert."""

    alert_id: str


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """A command, by its own id: its job has it."""

    command_id: str


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Nothing but its text and its query."""


Place = HostPlace | AlertPlace | CommandPlace | TextPlace


def place_of(piece: EvidenceView, hosts: Collection[str], now_ms: int) -> Place:
    """Return where ``piece`` leads; ``hosts`` are those that can be looked at."""
    id_ = str(piece.params.get("id") or "")
    if piece.kind == "alert" and id_:
        return AlertPlace(id_)
    if piece.kind == "command" and id_:
        return CommandPlace(id_)
    if piece.host not in hosts or piece.kind in ("passage", "log"):
        return TextPlace()
    found = _TABLE.search(piece.sql)
    tab = _TABS.get(found[1], "timeline") if found else "timeline"
    return HostPlace(piece.host, tab, window_of(piece, now_ms), moment_ms(piece.began_at))


def window_of(piece: EvidenceView, now_ms: int) -> Window:
    """Return the window that a piece is of, widened to when it set in; whole seconds."""
    until_ms = moment_ms(piece.until_at) or now_ms
    from_ms = moment_ms(piece.from_at) or until_ms - _SPAN_SECONDS * 1000
    began_ms = moment_ms(piece.began_at)
    if began_ms is not None and began_ms < from_ms:
        from_ms = began_ms
    least, most = SPAN_LIMITS_SECONDS
    end_ms = min(-(-until_ms // 1000) * 1000, now_ms // 1000 * 1000)
    return Window(min(max(round((end_ms - from_ms) / 1000), least), most), end_ms)
