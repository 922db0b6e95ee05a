"""The verbs of ``nagare users`` about roles, and about the key that signs access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.auth import KeyRotation
    from nagare.wire.users import RoleList, RoleView

Name = Annotated[str, typer.Argument(metavar="ROLE", help="The role.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("roles")(roles)
    app.command("role")(role)
    app.command("remove-role")(remove_role)
    app.command("rotate-keys")(rotate_keys)


def roles(
    context: typer.Context,
    permissions: Annotated[bool, typer.Option("--permissions", help="List what a role can allow instead.")] = False,
) -> None:
    """List roles and what they allow; with --permissions, every permission in words.

    Examples:
      nagare users roles
      nagare users roles --permissions
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def fetch(client: Client) -> RoleList:
        return await Accounts(client).roles()

    found = call(invocation.settings, fetch)
    if permissions:
        told = [(one.name, "hosts" if one.is_host_bound else "installation", one.text) for one in found.permissions]
        write_rows(invocation, Rows(("permission", "concerns", "allows"), told))
        return
    is_table = invocation.format is OutputFormat.TABLE
    rows = [
        (one.name, one.is_built_in, " ".join(one.permissions) if is_table else one.permissions, one.text)
        for one in found.roles
    ]
    write_rows(invocation, Rows(("role", "built_in", "permissions", "text"), rows))


def role(
    context: typer.Context,
    name: Name,
    permissions: Annotated[list[str], typer.Argument(metavar="PERMISSION...", help="All that it shall allow.")],
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What it is for.")] = "",
) -> None:
    """Make a role of your own, or change it for all who have it.

    Example:
      nagare users role dba metrics.read hosts.read hosts.write --text "looks after databases"
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> RoleView:
        return await Accounts(client).put_role(name, permissions, text)

    made = call(invocation.settings, change)
    if invocation.format is not OutputFormat.TABLE:
        write_document({field: getattr(made, field) for field in made.__struct_fields__})
    elif not invocation.is_quiet:
        note(f"nagare: role {made.name} allows {', '.join(made.permissions) or 'nothing'}")


def remove_role(context: typer.Context, name: Name) -> None:
    """Forget a role that nobody has.

    Example:
      nagare users remove-role dba
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> None:
        await Accounts(client).remove_role(name)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: role {name} is removed")


def rotate_keys(context: typer.Context) -> None:
    """Sign access tokens with a new key; what the old one signed holds until it ends by itself.

    Example:
      nagare users rotate-keys
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> KeyRotation:
        return await Accounts(client).rotate_keys()

    made = call(invocation.settings, change)
    if invocation.format is not OutputFormat.TABLE:
        write_document({"kid": made.kid})
    elif not invocation.is_quiet:
        note(f"nagare: access tokens are signed with key {made.kid} from now on")
