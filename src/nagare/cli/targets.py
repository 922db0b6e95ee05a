"""``nagare targets``: the exporters that the server pulls, and how each does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.lib.units import format_seconds

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.targets import TargetView

app = typer.Typer(add_completion=False)
_COLUMNS = ("job", "instance", "state", "last_scrape", "took", "samples", "failures", "error")


@app.command()
def targets(
    context: typer.Context,
    job: str | None = typer.Option(None, "--job", metavar="NAME", help="Only targets of this job."),
    down: bool = typer.Option(False, "--down", help="Only targets that are down."),
) -> None:
    """List scrape targets with their state, last scrape and error.

    They stand in the configuration as [[scrape]] tables.

    Examples:
      nagare targets
      nagare targets --down -o json
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[TargetView]:
        return await client.targets()

    found = [
        view
        for view in call(invocation.settings, fetch)
        if (job is None or view.job == job) and (not down or view.state == "down")
    ]
    _write(invocation, found)


def _write(invocation: Invocation, found: list[TargetView]) -> None:
    if invocation.format is not OutputFormat.TABLE:
        names = found[0].__struct_fields__ if found else ()
        write_rows(invocation, Rows(names, [[getattr(view, name) for name in names] for view in found]))
        return
    rows = [
        (
            view.job,
            view.instance,
            view.state,
            view.last_scrape_at,
            format_seconds(view.duration_seconds) if view.scrapes else "",
            view.samples,
            view.failures,
            view.error,
        )
        for view in found
    ]
    write_rows(invocation, Rows(_COLUMNS, rows, ("", "", "", "TIMESTAMP", "", "", "", "")))
