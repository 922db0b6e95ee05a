"""The verbs of ``nagare users`` about personal keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.accounts.sessions import All, User
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.auth import KeyView

_FIELDS = ("id", "name", "user", "permissions", "created_at", "expires_at", "last_used_at")
_TYPES = ("", "", "", "", "TIMESTAMP", "TIMESTAMP", "TIMESTAMP")
_DAY_SECONDS = 86_400.0


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("keys")(keys)
    app.command("key")(key)
    app.command("end-key")(end_key)


def keys(context: typer.Context, user: User = None, everybody: All = False) -> None:
    """List personal keys, what they allow, when they end and when they were last used.

    Examples:
      nagare users keys
      nagare users keys --all -o json
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[KeyView]:
        return await Accounts(client).keys("*" if everybody else user)

    is_table = invocation.format is OutputFormat.TABLE
    rows = [[getattr(one, name) for name in _FIELDS] for one in call(invocation.settings, fetch)]
    if is_table:
        rows = [[" ".join(cell) if isinstance(cell, list) else cell for cell in row] for row in rows]
    write_rows(invocation, Rows(_FIELDS, rows, _TYPES if is_table else ()))


def key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    allow: Annotated[
        list[str], typer.Option("--allow", "-a", metavar="PERMISSION", help="What it allows; may be given again.")
    ],
    days: Annotated[float, typer.Option("--days", metavar="DAYS", min=0.001, max=366, help="When it ends.")] = 90,
) -> None:
    """Make a personal key for a program: less than you may, and not for ever. It is shown only now, on stdout.

    Example:
      nagare users key nightly-report --allow metrics.read --days 30 > key.txt
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> KeyView:
        return await Accounts(client).make_key(name, allow, days * _DAY_SECONDS)

    made = call(invocation.settings, change)
    if invocation.wants_json_errors:
        write_document({field: getattr(made, field) for field in made.__struct_fields__})
        return
    typer.echo(made.secret)
    if not invocation.is_quiet:
        note(f"nagare: key {made.name} ends at {made.expires_at}; nobody can show it again")


def end_key(
    context: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key.")]
) -> None:
    """End a personal key at once.

    Example:
      nagare users end-key 3f2a9c0d4b5e6f708192a3b4c5d6e7f8
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> None:
        await Accounts(client).end_key(key_id)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note("nagare: the key has ended")
