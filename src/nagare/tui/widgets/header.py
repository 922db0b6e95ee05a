"""The line on top: where one is, what time is shown, how old the data is, how the fleet stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style
from textual.reactive import reactive

from nagare.tui.renderables.palette import Palette, StateLook, make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """All that the header says. ``mode`` is live, stale or replay; ``counts`` are (state, number) of hosts, ``alerts`` of alerts.

    ``dead`` is the number of notifications that reached nobody, empty for none.
    """

    crumbs: tuple[tuple[str, str], ...] = ()
    window: str = ""
    age: str = ""
    clock: str = ""
    mode: str = "live"
    counts: tuple[tuple[str, int], ...] = ()
    alerts: tuple[tuple[str, int], ...] = ()
    dead: str = ""


class Header(Line):
    """Breadcrumb left; window, age, counts and clock right. Parts drop out as room runs short: counts, then alerts, then what reached nobody, last."""

    DEFAULT_CSS = """
    Header { background: $panel; color: $foreground; }
    Header.-stale { background: $nagare-alarm; }
    Header.-replay { background: $nagare-past; }
    """

    facts: reactive[HeaderFacts] = reactive(HeaderFacts())

    def watch_facts(self, facts: HeaderFacts) -> None:
        """Colour the line by its mode."""
        self.set_class(facts.mode == "stale", "-stale")
        self.set_class(facts.mode == "replay", "-replay")

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return breadcrumb and facts."""
        palette = find_palette(self)
        is_live = self.facts.mode == "live"
        muted, strong = self._quiet(palette), make_style(palette.foreground, bold=True)
        arrow = " > " if palette.ascii else " ▸ "
        left = [
            Part(
                " nagare",
                make_style(palette.accent if is_live else palette.foreground, bold=True),
                "screen.overview",
                "overview",
            )
        ]
        for index, (text, action) in enumerate(self.facts.crumbs):
            last = index == len(self.facts.crumbs) - 1
            left += [Part(arrow, muted), Part(text, strong if last else muted, action)]
        right = self._fit(self._blocks(), self.size.width - sum(part.width for part in left) - 1)
        return left, right

    def _blocks(self) -> list[tuple[int, list[Part]]]:
        """Return (importance, parts) in the order they are drawn."""
        palette = find_palette(self)
        facts = self.facts
        dot = palette.glyphs.dot
        quiet, loud = self._quiet(palette), make_style(palette.foreground, bold=True)
        counts = []
        for name, number in facts.counts:
            look = palette.state(name)
            counts.append(
                Part(f" {look.glyph} {number}", self._state(look, palette), "screen.hosts", f"{number} {look.word}")
            )
        blocks = [
            (
                3,
                [Part(f" {facts.window}", loud if facts.mode == "replay" else quiet, "time.choose", "choose the time")],
            )
        ]
        if facts.age:
            blocks.append((2, [Part(f" {dot} {facts.age}", loud if facts.mode == "stale" else quiet)]))
        blocks.append((4, [Part(f" {dot}", quiet), *counts] if counts else []))
        if facts.alerts:
            blocks.append((5, [Part(f" {dot} alerts", quiet, "screen.alerts"), *self._badge(palette)]))
        if facts.dead:
            look = palette.state("dead")
            reached = [f" {dot} undelivered", f" {look.glyph} {facts.dead}"]
            tooltip = f"{facts.dead} notifications reached nobody"
            blocks.append(
                (
                    6,
                    [
                        Part(text, style, "screen.undelivered", tooltip)
                        for text, style in zip(reached, (quiet, self._state(look, palette)), strict=True)
                    ],
                )
            )
        blocks.append((1, [Part(f" {dot} {facts.clock}", quiet)]))
        return blocks

    def _fit(self, blocks: list[tuple[int, list[Part]]], room: int) -> list[Part]:
        kept = list(blocks)
        while kept and sum(part.width for _, parts in kept for part in parts) + 1 > room:
            kept.remove(min(kept, key=lambda block: block[0]))
        parts = [part for _, parts in kept for part in parts]
        # The dot stands between two: not before the first one that is left.
        dot = f" {find_palette(self).glyphs.dot}"
        if parts and parts[0].text.startswith(dot):
            parts[0] = replace(parts[0], text=parts[0].text.removeprefix(dot))
        return [*parts, Part(" ")]

    def _badge(self, palette: Palette) -> list[Part]:
        looks = [(palette.state(name), number) for name, number in self.facts.alerts]
        return [
            Part(
                f" {look.glyph} {number}",
                self._state(look, palette),
                "screen.alerts",
                f"{number} {look.word} need somebody",
            )
            for look, number in looks
        ]

    # On the ground of an alarm or of the past no colour but that of text is readable: glyphs tell the states there.

    def _quiet(self, palette: Palette) -> Style:
        return make_style(palette.muted if self.facts.mode == "live" else palette.foreground)

    def _state(self, look: StateLook, palette: Palette) -> Style:
        return look.style if self.facts.mode == "live" else make_style(palette.foreground, bold=look.bold)
