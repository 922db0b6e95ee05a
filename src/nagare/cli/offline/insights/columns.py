"""The options by which commands about files of series learn which column is which, and what was found out for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.insights.frames import Frame, Wish

# More names than this nobody reads.
_TOLD = 6

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV (.gz too) or Parquet, with a time column.")]
Time = Annotated[str | None, typer.Option("--time", metavar="COLUMN", help="The time; found out unless given.")]
Value = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="COLUMN", help="Values; may repeat. All columns of numbers unless given."),
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="COLUMN", help="What tells series of a long file apart; may repeat."),
]


def wish(time: str | None, value: list[str] | None, by: list[str] | None) -> Wish:
    """Return what was typed as the wish that a frame is read by."""
    from nagare.insights.frames import Wish

    return Wish(time or "", value or [], by or [])


def say_choice(invocation: Invocation, frame: Frame) -> None:
    """Tell on stderr which columns were taken for what."""
    if invocation.is_quiet:
        return
    values = list(frame.values)
    names = ", ".join(values[:_TOLD]) + (f" and {len(values) - _TOLD} more" if len(values) > _TOLD else "")
    groups = f", by {', '.join(frame.by)} ({len(frame.labels)} groups)" if frame.by else ""
    note(f"nagare: {len(frame.ts_ms)} rows, time {plain(frame.time)}, values {plain(names)}{plain(groups)}")
