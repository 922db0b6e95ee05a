"""What the screen of queries says in words: how to begin, what is wrong with a statement, what an answer took."""

from __future__ import annotations

from datetime import tzinfo

from rich.text import Text

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.query.answer import Answer
from nagare.tui.query.faults import Fault, excerpt
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.time_axis import format_clock

_TIERS = {"1m": "rollup by minutes", "1h": "rollup by hours"}
_HELP = """Nothing is asked yet.

F2 lists recipes: press Enter on one, and it runs. F3 lists what you asked.
Or write one SELECT above and press F5: Tab takes a name that is offered.

The answer comes here. Esc leads from the field to it; then v draws it over
time, e writes it to a file, t says how far back it looks, and Enter on a
row with a host opens that host at that time."""


def help_text(why_not: str, palette: Palette) -> Text:
    """Return how to begin, or why nothing may be asked."""
    return Text(
        palette.text(f"{plain(why_not)}: ask an administrator for it" if why_not else _HELP), make_style(palette.muted)
    )


def fault_text(sql: str, fault: Fault, palette: Palette) -> Text:
    """Return what is wrong, where, and the way out."""
    text, look, muted = Text(), palette.state("warn"), make_style(palette.muted)
    text.append(f"{look.glyph} ", look.style)
    text.append(f"{fault.message}\n", make_style(palette.foreground, bold=True))
    if fault.line is not None:
        shown, marks = excerpt(sql, fault)
        text.append(f"\n{fault.where}\n", muted)
        text.append(f"  {shown}\n", make_style(palette.foreground))
        text.append(f"  {marks}\n", look.style)
    if fault.hint:
        text.append(f"\n{fault.hint}\n", make_style(palette.foreground))
    return text


def figures(answer: Answer, zone: tzinfo | None) -> str:
    """Return how many rows came, in which time, whether that is all, and what they were read from."""
    count = len(answer.rows)
    parts = [f"{count:,} {'row' if count == 1 else 'rows'} in {format_seconds(answer.elapsed_ms / 1000)}"]
    if answer.is_truncated:
        parts.append("more were cut off")
    if answer.tier in _TIERS:
        parts.append(_TIERS[answer.tier])
    parts.append(f"at {format_clock(answer.came_ms, zone)}")
    return " · ".join(parts)
