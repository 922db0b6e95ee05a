"""``nagare message``: a few words in every dashboard that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.lib.units import parse_duration

if TYPE_CHECKING:
    from nagare.client.client import Client

app = typer.Typer(add_completion=False)


@app.command()
def message(
    context: typer.Context,
    text: str = typer.Argument(metavar="TEXT", help="A sentence or two."),
    lasts: str = typer.Option("30s", "--for", metavar="TIME", help="How long it stands there: 10s, 5m."),
) -> None:
    """Show a message in every `nagare top` that watches the server now, with your name. It is kept nowhere but in the audit log.

    Example:
      nagare message "db1 restarts in five minutes" --for 1m
    """
    invocation = invocation_of(context)
    seconds = parse_duration(lasts)

    async def send(client: Client) -> int:
        from nagare.client.messages import send_message

        return await send_message(client, text, seconds)

    count = call(invocation.settings, send)
    if invocation.output is not None:
        write_rows(invocation, Rows(("connections",), [(count,)]))
    elif not invocation.is_quiet:
        note(f"nagare: shown on {count} live {'connection' if count == 1 else 'connections'}")
