"""``nagare doctor --verify``: reads every byte that is kept and names each fault; works beside a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import typer

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.errors import NotFoundError
from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes
from nagare.metrics.survey import Finding, Survey

_COLOURS = {"warn": "\x1b[33m", "bad": "\x1b[31m"}


def verify(invocation: Invocation) -> None:
    """Print every fault and what it costs; exit with 1 when anything is lost. Raises NotFoundError."""
    settings = invocation.settings
    places = Places(settings.data)
    if not places.data.is_dir():
        raise NotFoundError(
            f"cannot verify installation {places.data}: there is none", hint="begin one with: nagare up"
        )
    with closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:

        def progress(done: int, total: int) -> None:
            line.show(f"{format_bytes(done)} of {format_bytes(total)} of blocks verified")

        with shared(places.lock) as owner:
            survey = Survey(places, settings.query, owner is not None, progress, settings.bucket.is_set)
            findings = [*survey.read_log_and_catalog(), *_read_records(places, is_live=survey.is_live)]
        # Without the lock: it takes long, and nothing in a block ever changes.
        findings += [*survey.read_series(), *survey.read_blocks()]
    _print(invocation, findings)
    if not invocation.is_quiet:
        note(_summary(survey, findings))
    if any(finding.is_bad for finding in findings):
        raise typer.Exit(BAD)


def _read_records(places: Places, *, is_live: bool) -> Iterator[Finding]:
    import sqlite3

    from nagare.lib.database_copy import copied, find_database_fault

    if not places.records.exists():
        return
    try:
        with copied(places.records, is_live=is_live) as copy:
            fault = find_database_fault(copy)
    except (OSError, sqlite3.Error) as error:
        fault = str(error)
    if fault:
        yield Finding("records.db", "", fault, "hosts, tokens and labels, as far as they do not read back")


def _print(invocation: Invocation, findings: list[Finding]) -> None:
    if invocation.format is not OutputFormat.TABLE:
        rows = [(_verdict(each), each.file, each.place, each.fault, each.lost) for each in findings]
        write_rows(invocation, Rows(("verdict", "file", "place", "fault", "lost"), rows))
        return
    for finding in findings:
        word = f"{_verdict(finding):<4}"
        if invocation.has_color:
            word = f"{_COLOURS[_verdict(finding)]}{word}\x1b[0m"
        place = f" ({finding.place})" if finding.place else ""
        typer.echo(f"{word}  {plain(finding.file)}{place}: {plain(finding.fault)}")
        if finding.lost:
            typer.echo(f"      lost: {plain(finding.lost)}")


def _verdict(finding: Finding) -> str:
    return "bad" if finding.is_bad else "warn"


def _summary(survey: Survey, findings: list[Finding]) -> str:
    totals = survey.totals
    bad = sum(finding.is_bad for finding in findings)
    old = f", {totals.without_checksum} of an earlier version without checksum" if totals.without_checksum else ""
    far = f", {totals.in_bucket} more are in the bucket alone and were not read" if totals.in_bucket else ""
    return (
        f"read {totals.blocks} blocks ({format_bytes(totals.block_bytes)}, {totals.rows} rows{old}{far}), "
        f"{totals.segments} segments ({totals.records} records), the catalog and the records: "
        f"{bad} bad, {len(findings) - bad} to know"
    )
