"""``nagare notifications``: who is told of alerts, and how that went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nagare.cli.alerts import deliveries
from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.moments import parse_moment

app = typer.Typer(add_completion=False)
deliveries.register(app)

Files = Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Files of notifications.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of notifications.")]
Labels = Annotated[list[str], typer.Argument(metavar="LABEL=VALUE", help="Labels of an alert, with those of its host.")]
At = Annotated[str, typer.Option("--at", metavar="WHEN", help="Who is on duty then: 14:05, 2026-11-20T14:05.")]


@app.callback()
def notifications() -> None:
    """See who was told what and how that went, try again, test receivers; check a file of notifications and ask it.

    Examples:
      nagare notifications list --since 1d
      nagare notifications test ops
      nagare notifications check notify.toml
      nagare notifications match notify.toml alertname=DiskFull host=db1 severity=high
    """


@app.command()
def check(context: typer.Context, files: Files = None) -> None:
    """Read files of notifications, and tell every fault with its place. No server is needed.

    Without a file it checks the one that alerts.notify_file names. It ends with 1 when a file has a fault. A secret that this user
    cannot read is told as a doubt: the server may be another one.

    Example:
      nagare notifications check notify.toml
    """
    from nagare.cli.offline.notifications import check_files

    if status := check_files(invocation_of(context), files or []):
        raise typer.Exit(status)


@app.command()
def match(context: typer.Context, file: File, labels: Labels, at: At = "now") -> None:
    """Show who would be told of an alert with these labels: by which routes, after how long, who is on duty. No server is needed.

    Examples:
      nagare notifications match notify.toml alertname=DiskFull host=db1 severity=high
      nagare notifications match notify.toml team=db --at 2026-12-24T03:00
    """
    from nagare.cli.offline.notifications import match_labels

    match_labels(invocation_of(context), file, labels, parse_moment(at))
