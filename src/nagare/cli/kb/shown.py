"""Passages and sources as a person reads them."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nagare.cli.console.invocation import Invocation, OutputFormat, columns
from nagare.cli.console.output import Rows, write_rows
from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes

if TYPE_CHECKING:
    from nagare.wire.kb import PassageView, SourceView

_SOURCES = ("name", "pages", "size", "version", "synced", "skipped", "directory", "fault")
_TIMES = ("", "", "", "", "TIMESTAMP", "", "", "")
_PASSAGE_COLUMNS = (
    "rank", "score", "document", "title", "heading", "lines", "source", "version", "file", "kind", "outcome", "passage",
)  # fmt: skip
# A passage is looked at here and read in its page.
_LINES = 8
_WIDEST = 110
_BOLD, _FAINT, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def write_sources(invocation: Invocation, found: Sequence[SourceView]) -> None:
    """Write sources: a table for a person, all of them for a program."""
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_SOURCES, [_source_row(one) for one in found], _TIMES))
        return
    from nagare.cli.alerts.shown import write_documents

    write_documents(invocation, found)


def write_passages(invocation: Invocation, found: Sequence[PassageView]) -> None:
    """Write passages: as text for a person, a row each for a program."""
    if invocation.format is OutputFormat.TABLE:
        sys.stdout.writelines(f"{line}\n" for one in found for line in _lines(one, is_colored=invocation.has_color))
        return
    rows = [[getattr(one, name) for name in _PASSAGE_COLUMNS] for one in found]
    write_rows(invocation, Rows(_PASSAGE_COLUMNS, rows))


def _lines(view: PassageView, *, is_colored: bool) -> Iterator[str]:
    bold, faint, end = (_BOLD, _FAINT, _END) if is_colored else ("", "", "")
    width = max(40, min(columns(), _WIDEST))
    # The title is the first heading, most of the time.
    heading = view.heading if view.heading.startswith(view.title) else f"{view.title} > {view.heading}".strip(" >")
    yield f"{view.score:.2f}  {bold}{plain(heading)}{end}"
    version = f" @ {view.version[:12]}" if view.version else ""
    yield f"      {faint}{plain(view.source)}/{plain(view.document)}:{view.lines}{plain(version)}{end}"
    if view.outcome:
        yield from textwrap.wrap(
            f"outcome: {plain(view.outcome)}", width, initial_indent=" " * 6, subsequent_indent=" " * 8
        )
    body = [line for line in view.passage.split("\n") if line.strip() and not line.startswith("#")]
    for line in body[:_LINES]:
        yield " " * 6 + plain(line, width - 6)
    if len(body) > _LINES:
        yield f"      {faint}…{end}"
    yield ""


def _source_row(view: SourceView) -> tuple[object, ...]:
    size = format_bytes(view.bytes)
    skipped = len(view.skipped)
    return view.name, view.pages, size, view.version[:12], view.synced_at, skipped, view.directory, view.fault
