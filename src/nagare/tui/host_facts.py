"""One host in a narrow column: what it is, how it stands, why it needs a look, what it did last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import tzinfo

from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes, format_count, format_rate, format_seconds
from nagare.model.alert.alert import AlertState
from nagare.model.event import Severity
from nagare.model.health import Level
from nagare.tui.alerts.rows import by_need, flags_of, severity_of, summary_of
from nagare.tui.host_columns import age_seconds
from nagare.tui.host_live import HostLive
from nagare.tui.renderables.time_axis import format_clock, format_moment
from nagare.tui.widgets.inspector_list import Bar, Fact, Heading, Item, Note
from nagare.wire.alerts import AlertView
from nagare.wire.events import EventView

_EVENTS_SHOWN = 6
_ALERTS_SHOWN = 4
_FACTS_SHOWN = 6
# Too long for the column of names.
_WORDS = {"virtualization": "runs in"}
# What "size" says already.
_TOLD_ABOVE = ("cores", "memory_bytes")
_FACT_NAMES = ("os", "kernel", "cpu", "model", "virtualization", "arch")


def host_items(
    host: HostLive,
    now_ms: int,
    events: Iterable[EventView],
    zone: tzinfo | None = None,
    alerts: Iterable[AlertView] = (),
) -> list[Item]:
    """Return the inspector's items for ``host``, whose own ``alerts`` are."""
    items: list[Item] = [Heading(plain(host.name)), *_standing(host, now_ms, zone)]
    own_alerts = sorted(alerts, key=by_need)
    if own_alerts:
        items += [Heading(f"Alerts ({len(own_alerts)})"), *map(_alert_note, own_alerts[:_ALERTS_SHOWN])]
    if host.level not in (Level.DOWN, Level.UNKNOWN):
        items += [Heading("Now"), *_values(host)]
    items += _identity(host)
    own = [event for event in events if event.host == host.name][:_EVENTS_SHOWN]
    if own:
        items += [Heading("Last events"), *(event_note(event, now_ms, zone) for event in own)]
    return items


def _alert_note(alert: AlertView) -> Note:
    """Return an alert as one line; one that somebody has in hand, or that nobody is told of, says so."""
    but = ", ".join([*(["ack"] if alert.state == AlertState.ACKNOWLEDGED else []), *flags_of(alert)])
    told = f"{plain(alert.name)}: {summary_of(alert)}"
    return Note(f"({but}) {told}" if but else told, "ack" if but else severity_of(alert))


def event_note(event: EventView, now_ms: int, zone: tzinfo | None = None) -> Note:
    """Return an event as one line."""
    return Note(f"{format_moment(event.ts, now_ms, zone)} {plain(event.text)}", severity_state(event.severity))


def severity_state(severity: int) -> str:
    """Return the palette's state for a severity."""
    if severity >= Severity.HIGH:
        return Level.CRIT.value
    return Level.WARN.value if severity == Severity.WARNING else "info"


def _standing(host: HostLive, now_ms: int, zone: tzinfo | None) -> list[Item]:
    items: list[Item] = [Fact("state", host.level.value, host.level.value)]
    if host.level is not Level.UP and host.level_since_ms:
        items.append(Fact("since", f"{format_clock(host.level_since_ms, zone)}, {_ago(host.level_since_ms, now_ms)}"))
    age = age_seconds(host, now_ms)
    items.append(Fact("heard", "never" if math.isnan(age) else f"{format_seconds(age)} ago"))
    items += [Note(reason.text, reason.level.value) for reason in host.reasons]
    if host.view is not None and host.view.maintenance:
        items.append(Note(f"in maintenance: {plain(host.view.maintenance)}", "info"))
    if host.view is not None and host.view.note:
        items += [Heading("Note"), Note(plain(host.view.note))]
    return items


def _ago(then_ms: int, now_ms: int) -> str:
    return format_seconds(max(0, now_ms - then_ms) // 1000)


def _values(host: HostLive) -> list[Item]:
    load = [host.value(f"load.{span}") for span in (1, 5, 15)]
    cores, uptime, total = host.value("load.cores"), host.value("load.uptime"), host.value("memory.total")
    items: list[Item] = [
        Bar("cpu", _known(host.value("cpu.busy")), history=tuple(host.ring("cpu.busy").points()[1])),
        Bar("memory", _known(host.value("memory.used"))),
        Bar("disk", _known(host.value("disk.used"))),
        Fact("load", " ".join("–" if math.isnan(value) else f"{value:.2f}" for value in load)),
        Fact("net in/out", f"{format_rate(host.value('net.in'))} / {format_rate(host.value('net.out'))}"),
        Fact("disk r/w", f"{format_rate(host.value('io.read'))} / {format_rate(host.value('io.write'))}"),
    ]
    if not math.isnan(uptime):
        items.append(Fact("uptime", format_seconds(uptime)))
    if not math.isnan(cores) and not math.isnan(total):
        items.append(Fact("size", f"{format_count(cores)} cores, {format_bytes(total)}"))
    return items


def _fact(name: str, value: str) -> Fact:
    if name.endswith("_bytes") and value.isdecimal():
        return Fact(plain(name.removesuffix("_bytes")), format_bytes(float(value)))
    return Fact(plain(name), plain(value))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _identity(host: HostLive) -> list[Item]:
    view = host.view
    if view is None:
        return []
    facts = [Fact(_WORDS.get(name, name), plain(view.facts[name])) for name in _FACT_NAMES if view.facts.get(name)]
    known = {*_FACT_NAMES, *_TOLD_ABOVE}
    rest = [_fact(name, value) for name, value in sorted(view.facts.items()) if name not in known]
    labels = [Fact(plain(name), plain(value)) for name, value in sorted(view.labels.items())]
    items: list[Item] = [Heading("Machine"), *facts, *rest[:_FACTS_SHOWN], Fact("agent", plain(view.version))]
    return [*items, Heading("Labels"), *labels] if labels else items
