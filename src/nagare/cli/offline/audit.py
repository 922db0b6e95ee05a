"""``nagare audit``: who did what, and the proof that nobody rewrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_window
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD

if TYPE_CHECKING:
    from nagare.audit.chain import SignedHead
    from nagare.audit.verify import Report
    from nagare.client.client import Client
    from nagare.wire.audit import AuditHead, AuditView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("seq", "at", "actor", "action", "target", "outcome", "address", "detail", "before", "after", "request_id")
_SHOWN = 8
_PAGE = 2000
_FAULTS_SHOWN = 20


@app.callback()
def audit(context: typer.Context) -> None:
    """List, export and verify the audit log.

    Without a verb it lists the newest entries.

    Examples:
      nagare audit
      nagare audit list --outcome refused --since 1d
      nagare audit export audit.ndjson
      nagare audit verify
    """
    if context.invoked_subcommand is None:
        _write_list(invocation_of(context), {"limit": 100})


@app.command("list")
def list_entries(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only since then: 1h, 2026-11-20.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Only before then.")] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Only by this user, host or key.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="NAME", help="Only this action: hosts.remove.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="WORD", help="Only done, refused, failed or unknown.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="NAME", help="Only on this target.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Entries at the most.")
    ] = 100,
) -> None:
    """List entries, newest first.

    Example:
      nagare audit list --action hosts.remove -o ndjson
    """
    since_ms, until_ms = parse_window(since, until)
    wanted = {
        "since_ms": since_ms,
        "until_ms": until_ms,
        "actor": actor,
        "action": action,
        "outcome": outcome,
        "target": target,
        "limit": limit,
    }
    _write_list(invocation_of(context), wanted)


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to write; stdout if none.")] = None,
) -> None:
    """Write the whole log, a line of JSON each, with its signed heads: what `verify` can check anywhere.

    Example:
      nagare audit export audit.ndjson && nagare audit verify audit.ndjson
    """
    from nagare.cli.offline.audit_files import write_export

    invocation = invocation_of(context)

    async def fetch(client: Client) -> int:
        return await write_export(client, file, _PAGE)

    count = call(invocation.settings, fetch)
    if not invocation.is_quiet and file is not None:
        note(f"nagare: {count} entries are in {file}")


@app.command()
def head(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to write; stdout if none.")] = None,
) -> None:
    """Sign the end of the log and write it: keep it on another machine, and compare by `verify --head`.

    Example:
      nagare audit head head.json
    """
    from nagare.cli.offline.audit_files import write_head

    invocation = invocation_of(context)

    async def fetch(client: Client) -> AuditHead:
        return await client.audit_head()

    found = call(invocation.settings, fetch)
    write_head(found, file)
    if not invocation.is_quiet and file is not None:
        note(f"nagare: the head of entry {found.seq} is in {file}")


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="An export; this installation's own log if none.")
    ] = None,
    head: Annotated[Path | None, typer.Option("--head", metavar="FILE", help="A head that was kept elsewhere.")] = None,
) -> None:
    """Check that no entry was changed, added or removed. Needs no server; exit 1 when the chain does not hold.

    Examples:
      nagare audit verify
      nagare audit verify audit.ndjson --head head.json
    """
    from nagare.audit.verify import verify as verify_chain
    from nagare.cli.offline.audit_files import opened_export, opened_installation, read_head

    invocation = invocation_of(context)
    saved = read_head(head) if head is not None else None
    opened = opened_export(file) if file is not None else opened_installation(invocation.settings)
    with opened as (entries, heads):
        report = verify_chain(entries, heads, saved)
    _print_report(invocation, report, saved)
    if report.faults:
        raise typer.Exit(BAD)


def _print_report(invocation: Invocation, report: Report, saved: SignedHead | None) -> None:
    if invocation.format is not OutputFormat.TABLE:
        write_rows(invocation, Rows(("seq", "fault"), [(fault.seq, fault.cause) for fault in report.faults]))
    else:
        for fault in report.faults[:_FAULTS_SHOWN]:
            typer.echo(f"bad   entry {fault.seq}: {fault.cause}")
        if len(report.faults) > _FAULTS_SHOWN:
            typer.echo(f"      and {len(report.faults) - _FAULTS_SHOWN} more")
    if not invocation.is_quiet:
        held = "the saved head matches" if saved is not None else "no saved head was given"
        verdict = f"{len(report.faults)} faults" if report.faults else f"the chain holds, {held}"
        note(f"nagare: {report.entries} entries and {report.heads} signed heads read: {verdict}")


def _write_list(invocation: Invocation, wanted: dict[str, str | int | None]) -> None:
    async def fetch(client: Client) -> list[AuditView]:
        return await client.audit(wanted)

    rows = list(_rows(call(invocation.settings, fetch)))
    if invocation.format is not OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, rows))
        return
    types = ("", "TIMESTAMP", *[""] * (_SHOWN - 2))
    write_rows(invocation, Rows(_COLUMNS[:_SHOWN], [row[:_SHOWN] for row in rows], types))


def _rows(entries: list[AuditView]) -> Iterator[tuple[object, ...]]:
    for entry in entries:
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield (
            entry.seq,
            at,
            entry.actor,
            entry.action,
            entry.target,
            entry.outcome,
            entry.address,
            entry.detail,
            entry.before,
            entry.after,
            entry.request_id,
        )
