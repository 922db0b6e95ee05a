"""One line of the numbers that matter on one host, so that they stay in sight on every tab."""

from __future__ import annotations

import math

from textual.reactive import reactive

from nagare.lib.units import format_rate, format_ratio, format_seconds
from nagare.model.health import Level
from nagare.tui.host_live import HostLive
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


class HostSummary(Line):
    """State, then cpu, memory, disk, load, traffic; what does not fit is left out from the right."""

    DEFAULT_CSS = """
    HostSummary { background: $surface; }
    """

    # (label, text of fixed width, ratio that colours it or None)
    facts: reactive[tuple[tuple[str, str, float | None], ...]] = reactive(())
    standing: reactive[tuple[str, str]] = reactive(("unknown", ""))

    def tell(self, host: HostLive, age: float) -> None:
        """Take the numbers of ``host``."""
        reason = host.reasons[0].text if host.reasons and host.level is not Level.UP else ""
        if host.level in (Level.STALE, Level.DOWN):
            reason = f"last heard {format_seconds(age)} ago"
        if host.view is not None and host.view.maintenance:
            reason = f"{reason}, in maintenance" if reason else "in maintenance"
        self.standing = (host.level.value, reason)
        silent = host.level in (Level.DOWN, Level.UNKNOWN)
        self.facts = () if silent else _facts(host)

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the state and the numbers."""
        palette = find_palette(self)
        look = palette.state(self.standing[0])
        parts = [Part(f" {look.glyph} {look.word} ", look.style)]
        if self.standing[1]:
            parts.append(Part(f"{self.standing[1]} ", look.style))
        muted, plain_ = make_style(palette.muted), make_style(palette.foreground, bold=True)
        room = self.size.width - sum(part.width for part in parts)
        for label, text, ratio in self.facts:
            style = plain_ if ratio is None else make_style(palette.ratio_colour(ratio), bold=True)
            pair = [Part(f" {label} ", muted), Part(text, style)]
            room -= sum(part.width for part in pair)
            if room < 0:
                break
            parts += pair
        return parts, []


def _facts(host: HostLive) -> tuple[tuple[str, str, float | None], ...]:
    facts: list[tuple[str, str, float | None]] = []
    for label, series in (("cpu", "cpu.busy"), ("mem", "memory.used"), ("disk", "disk.used")):
        value = host.value(series)
        if not math.isnan(value):
            facts.append((label, f"{format_ratio(value):>5} ", value))
    load, cores, uptime = host.value("load.1"), host.value("load.cores"), host.value("load.uptime")
    if not math.isnan(load):
        facts.append(("load", f"{load:5.2f}" + (" " if math.isnan(cores) else f"/{cores:.0f} "), None))
    for label, series in (("in", "net.in"), ("out", "net.out"), ("read", "io.read"), ("write", "io.write")):
        if not math.isnan(host.value(series)):
            facts.append((label, f"{format_rate(host.value(series)):>8} ", None))
    if not math.isnan(uptime):
        facts.append(("up", format_seconds(uptime), None))
    return tuple(facts)
