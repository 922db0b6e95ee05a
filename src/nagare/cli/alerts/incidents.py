"""``nagare incidents``: alerts that people hear of together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.alerts.choice import whole_id
from nagare.cli.alerts.deliveries import call_notify, write_notifications
from nagare.cli.alerts.shown import (
    SHORT,
    document_of,
    write_alerts,
    write_diagnoses,
    write_documents,
    write_properties,
)
from nagare.cli.console.calls import call
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.diagnosis.attached import diagnoses_of
from nagare.cli.exit_codes import BAD

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.diagnosis import DiagnosisBrief
    from nagare.wire.notify import IncidentDetail, IncidentView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "state", "labels", "began", "told", "firing", "resolved", "notices", "unattended", "told to")
_TIMES = ("", "", "", "TIMESTAMP", "TIMESTAMP", "", "", "", "TIMESTAMP", "")
_LOOKED_AT = 1000

All = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Incidents at the most.")]
Check = Annotated[bool, typer.Option("--check", help="End with 1 when nobody has one of them in hand.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The incident; the first characters of its id will do.")]


@app.callback()
def incidents(context: typer.Context) -> None:
    """List incidents, and show one with its alerts and notifications.

    Without a verb it lists those that are open.

    Examples:
      nagare incidents
      nagare incidents show 3f2a9c0d
    """
    if context.invoked_subcommand is None:
        list_incidents(context)


@app.command("list")
def list_incidents(context: typer.Context, everything: All = False, limit: Limit = 100, check: Check = False) -> None:
    """List incidents, the newest first: those that are open, and by --all those that are over.

    Examples:
      nagare incidents list --all
      nagare incidents list --check --quiet
    """
    invocation = invocation_of(context)
    found = call_notify(invocation, lambda calls: calls.incidents(limit, "" if everything else "open"))
    _write(invocation, found)
    if check and any(one.is_open and one.waiting_at for one in found):
        raise typer.Exit(BAD)


@app.command()
def show(context: typer.Context, incident_id: Id) -> None:
    """Show an incident, its alerts as they are now, and how its notifications went.

    Example:
      nagare incidents show 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> tuple[IncidentDetail, list[DiagnosisBrief]]:
        from nagare.client.notify import NotifyCalls

        calls = NotifyCalls(client)
        known = [one.id for one in await calls.incidents(_LOOKED_AT)]
        found = await calls.incident(whole_id("incident", incident_id, known))
        return found, await diagnoses_of(client, [alert.id for alert in found.alerts])

    detail, diagnoses = call(invocation.settings, fetch)
    if invocation.format is OutputFormat.JSON:
        write_document(document_of(detail) | {"diagnoses": [document_of(one) for one in diagnoses]})
    elif invocation.format is not OutputFormat.TABLE:
        write_documents(invocation, detail.notifications)
    else:
        write_properties(invocation, document_of(detail.incident))
        write_alerts(invocation, detail.alerts)
        write_diagnoses(invocation, diagnoses)
        write_notifications(invocation, detail.notifications)


def _write(invocation: Invocation, found: list[IncidentView]) -> None:
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(one) for one in found], _TIMES))
    else:
        write_documents(invocation, found)


def _row(one: IncidentView) -> tuple[object, ...]:
    return (
        one.id[:SHORT],
        "open" if one.is_open else "over",
        ", ".join(f"{name}={text}" for name, text in one.labels.items()),
        one.began_at,
        one.told_at,
        one.firing,
        one.resolved,
        one.notices,
        one.waiting_at,
        ", ".join(one.told_to),
    )
