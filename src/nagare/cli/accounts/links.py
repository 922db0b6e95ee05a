"""The verbs of ``nagare users`` about who a user is at the OpenID provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import invocation_of

if TYPE_CHECKING:
    from nagare.client.client import Client

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("link")(link)
    app.command("unlink")(unlink)


def link(
    context: typer.Context,
    name: Name,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="What the provider calls this person: its `sub`.")],
    issuer: Annotated[
        str, typer.Option("--issuer", metavar="URL", help="The provider; the configured one if not given.")
    ] = "",
) -> None:
    """Say who a user is at the OpenID provider; whoever logs in as that there is this user here.

    A refused login stands in the audit log with its subject: nagare audit list --action auth.login

    Example:
      nagare users link ada 248289761001
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> None:
        await Accounts(client).link(name, subject, issuer)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: {name} is linked")


def unlink(context: typer.Context, name: Name) -> None:
    """Part a user from its identity at the OpenID provider; its sessions end.

    Example:
      nagare users unlink ada
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> None:
        await Accounts(client).unlink(name)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: {name} is linked no more")
