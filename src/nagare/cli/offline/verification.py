"""``nagare doctor --verify``: reads every byte that is kept and names each fault; works beside a running server."""

from __future__ import annotations

from contextlib import closing

import typer

from nagare.automation.upkeep.verification import Report, read_everything
from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.errors import NotFoundError
from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes
from nagare.metrics.survey import Finding

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

        report = read_everything(
            places, settings.query, progress, has_bucket=settings.bucket.is_set, owner=shared(places.lock)
        )
    findings = report.findings
    _print(invocation, findings)
    if not invocation.is_quiet:
        note(_summary(report))
    if any(finding.is_bad for finding in findings):
        raise typer.Exit(BAD)


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


def _summary(report: Report) -> str:
    totals, findings = report.totals, report.findings
    bad = sum(finding.is_bad for finding in findings)
    old = f", {totals.without_checksum} of an earlier version without checksum" if totals.without_checksum else ""
    far = f", {totals.in_bucket} more are in the bucket alone and were not read" if totals.in_bucket else ""
    return (
        f"read {totals.blocks} blocks ({format_bytes(totals.block_bytes)}, {totals.rows} rows{old}{far}), "
        f"{totals.segments} segments ({totals.records} records), the catalog, the records and the bus: "
        f"{bad} bad, {len(findings) - bad} to know"
    )
