"""The verbs of ``nagare users`` about sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.auth import SessionView

_FIELDS = ("id", "user", "created_at", "used_at", "expires_at", "address", "agent", "origin", "is_own")
_TYPES = ("", "", "TIMESTAMP", "TIMESTAMP", "TIMESTAMP", "", "", "", "")
User = Annotated[str | None, typer.Option("--user", "-u", metavar="NAME", help="Of this user instead of yourself.")]
All = Annotated[bool, typer.Option("--all", help="Of every user.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("sessions")(sessions)
    app.command("end")(end)


def sessions(context: typer.Context, user: User = None, everybody: All = False) -> None:
    """List who is logged in, since when and from where.

    Examples:
      nagare users sessions
      nagare users sessions --all
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[SessionView]:
        return await Accounts(client).sessions("*" if everybody else user)

    rows = [[getattr(one, name) for name in _FIELDS] for one in call(invocation.settings, fetch)]
    types = _TYPES if invocation.format is OutputFormat.TABLE else ()
    write_rows(invocation, Rows(_FIELDS, rows, types))


def end(
    context: typer.Context,
    session: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="The id of a session.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="NAME", help="All sessions of this user.")] = None,
) -> None:
    """End a session at once, or all of a user.

    Examples:
      nagare users end 3f2a9c0d4b5e6f708192a3b4c5d6e7f8
      nagare users end --user ada
    """
    from nagare.client.accounts import Accounts

    if (session is None) == (user is None):
        raise InputError("cannot end sessions: name one, or a user", hint="nagare users end SESSION, or --user NAME")
    invocation = invocation_of(context)

    async def change(client: Client) -> int:
        if user is not None:
            return (await Accounts(client).end_sessions(user)).ended
        await Accounts(client).end_session(session or "")
        return 1

    ended = call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: {ended} ended")
