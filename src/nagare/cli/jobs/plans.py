"""Shows what would run where, word by word and host by host, and asks the person who is to agree."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import is_interactive
from nagare.client.jobs.plans import PlanRow, check_rows, job_rows
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CheckView, JobView

_LABEL_WIDTH = 10
_TEXT_WIDTH = 80
# What a person types; one key would be too easily pressed by mistake.
_AGREEMENT = "yes"


def check_lines(check: CheckView) -> Iterator[str]:
    """Yield what a check says, for a person."""
    return _lines(check_rows(check))


def job_lines(job: JobView) -> Iterator[str]:
    """Yield what a job runs where, who asked for it and why, for the person who is to agree."""
    return _lines(job_rows(job))


def confirm(lines: Iterator[str], question: str, *, refusal: str, hint: str) -> None:
    """Show ``lines`` and ask. Raises InputError unless somebody types yes, which says ``refusal`` and ``hint``."""
    if not is_interactive():
        raise InputError(f"{refusal}: nobody is here to confirm it", hint=hint)
    for line in lines:
        note(line)
    typed: str = typer.prompt(f"{question} Type {_AGREEMENT} to go on", default="", show_default=False, err=True)
    if typed.strip().lower() != _AGREEMENT:
        raise InputError(f"{refusal}: it was not confirmed")


def _lines(rows: Iterable[PlanRow]) -> Iterator[str]:
    for row in rows:
        for number, line in enumerate(_wrapped(row)):
            yield f"{row.label if number == 0 else '':<{_LABEL_WIDTH}}{line}".rstrip()


def _wrapped(row: PlanRow) -> Iterable[str]:
    if not row.is_prose:
        return row.lines
    return [
        part
        for line in row.lines
        for part in textwrap.wrap(line, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
    ]
