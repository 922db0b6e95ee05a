"""The line at the bottom: the keys of the present mode, each of them a mouse target."""

from __future__ import annotations

from dataclasses import dataclass

from textual.reactive import reactive

from nagare.tui.ascii_text import to_ascii
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class FooterKey:
    """A key as it is shown, its label and its action. One that ``is_off`` does nothing but say why: the tooltip does, too."""

    key: str
    label: str
    action: str
    tooltip: str = ""
    is_off: bool = False


class Footer(Line):
    """Keys from the left, as many as fit; what must never be missed stands at the right end."""

    DEFAULT_CSS = """
    Footer { background: $panel; color: $nagare-muted; dock: bottom; }
    """

    keys: reactive[tuple[FooterKey, ...]] = reactive(())
    always: reactive[tuple[FooterKey, ...]] = reactive(())
    # Words instead of keys: while a text field or a dialogue takes them all.
    hint: reactive[str] = reactive("")

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return keys of the mode and those that always hold."""
        if self.hint:
            palette = find_palette(self)
            told = cut(palette.text(self.hint), self.size.width - 1, palette.glyphs.more)
            return [Part(f" {told}", make_style(palette.foreground))], []
        left = [part for key in self.keys for part in self._key(key)]
        right = self._whole([part for key in self.always for part in self._key(key)], self.size.width)
        return self._whole(left, self.size.width - sum(part.width for part in right)), right

    def _key(self, key: FooterKey) -> tuple[Part, Part]:
        palette = find_palette(self)
        # Converted here and not when drawn: what fits depends on it.
        name = to_ascii(key.key) if palette.ascii else key.key
        if key.is_off:
            # The brackets tell that it is off; dimmed, it could not be read.
            look = make_style(palette.muted)
            return Part(f" ({name}", look, key.action, key.tooltip), Part(
                f" {key.label})", look, key.action, key.tooltip
            )
        return (
            Part(f" {name}", make_style(palette.accent, bold=True), key.action, key.tooltip),
            Part(f" {key.label} ", make_style(palette.muted), key.action, key.tooltip),
        )

    @staticmethod
    def _whole(parts: list[Part], room: int) -> list[Part]:
        """Keep pairs of key and label that fit whole; a later shorter one may still fit."""
        kept: list[Part] = []
        for index in range(0, len(parts), 2):
            pair = parts[index : index + 2]
            pair_width = sum(part.width for part in pair)
            if pair_width <= room:
                kept += pair
                room -= pair_width
        return kept
