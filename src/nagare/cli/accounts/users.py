"""``nagare users``: users and their roles; the other verbs of the group stand in the modules beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.accounts import keys, links, roles, sessions
from nagare.cli.accounts.passwords import ask_password
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of, is_interactive
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.auth import Me
    from nagare.wire.users import GrantView, UserView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("user", "roles", "state", "password", "last_login")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator, admin, or one of your own.")]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", "-g", metavar="GROUP", help="Only for hosts of this group; may be given again."),
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")]


@app.callback()
def users(context: typer.Context) -> None:
    """List, add, change and remove users, and see their roles, sessions and keys.

    Without a verb it lists them.

    Examples:
      nagare users
      nagare users add ada --role operator
      nagare users grant ada admin --group db
      nagare users sessions --all
    """
    if context.invoked_subcommand is None:
        _write_list(invocation_of(context))


@app.command("list")
def list_users(context: typer.Context) -> None:
    """List the users with their roles and when they last logged in.

    Example:
      nagare users list -o json
    """
    _write_list(invocation_of(context))


@app.command()
def me(context: typer.Context) -> None:
    """Show as whom the server knows you, and what you may.

    Example:
      nagare users me
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def fetch(client: Client) -> Me:
        return await Accounts(client).me()

    found = call(invocation.settings, fetch)
    if invocation.format is not OutputFormat.TABLE:
        write_document({name: getattr(found, name) for name in found.__struct_fields__})
        return
    rows = [("name", found.name), ("kind", found.kind), ("session", found.session)]
    rows += [(one, ",".join(found.scopes.get(one, ["every host"]))) for one in found.permissions]
    write_rows(invocation, Rows(("property", "value"), rows))


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show one user and all that it may.

    Example:
      nagare users show ada -o json
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def fetch(client: Client) -> UserView:
        return await Accounts(client).user(name)

    _write(invocation, call(invocation.settings, fetch))


@app.command()
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option("--role", "-r", metavar="ROLE", help="A role to begin with; may be given again.")
    ] = None,
    group: Groups = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="It logs in some other way.")] = False,
) -> None:
    """Add a user; its password is asked for.

    Examples:
      nagare users add ada --role operator
      nagare users add bob --role viewer --group db --password-stdin < secret.txt
    """
    from nagare.client.accounts import Accounts
    from nagare.wire.users import GrantView

    invocation = invocation_of(context)
    password = None if no_password else ask_password(f"Password of {name}", twice=True, from_stdin=password_stdin)
    grants = [GrantView(one, group or None) for one in role or ()]

    async def change(client: Client) -> UserView:
        return await Accounts(client).add_user(name, password, grants)

    _write(invocation, call(invocation.settings, change))


@app.command()
def rename(
    context: typer.Context, name: Name, new_name: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")]
) -> None:
    """Give a user another name; its sessions and keys go on.

    Example:
      nagare users rename ada countess
    """
    _patch(invocation_of(context), name, new_name=new_name)


@app.command()
def disable(context: typer.Context, name: Name) -> None:
    """Let a user in no more: its sessions end at once and its keys rest.

    Example:
      nagare users disable ada
    """
    _patch(invocation_of(context), name, is_disabled=True)


@app.command()
def enable(context: typer.Context, name: Name) -> None:
    """Let a user in again.

    Example:
      nagare users enable ada
    """
    _patch(invocation_of(context), name, is_disabled=False)


@app.command()
def remove(
    context: typer.Context, name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Forget a user; its sessions and keys end at once.

    Example:
      nagare users remove ada --yes
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)
    if not yes and not is_interactive():
        raise InputError(f"cannot remove user {name!r}: nobody is here to confirm it", hint="add --yes")
    if not yes and typer.prompt(f"Type the name of the user to remove ({name})", err=True) != name:
        raise InputError(f"cannot remove user {name!r}: the name typed is another")

    async def change(client: Client) -> None:
        await Accounts(client).remove_user(name)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: user {name} is removed")


@app.command()
def passwd(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The user; yourself if not given.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read from stdin: your current one in a first line, then the new.")
    ] = False,
) -> None:
    """Set a password; the user's other sessions end.

    Examples:
      nagare users passwd
      nagare users passwd ada --password-stdin < secret.txt
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)
    current = None if name else ask_password("Current password", from_stdin=password_stdin)
    password = ask_password("New password", twice=True, from_stdin=password_stdin)

    async def change(client: Client) -> None:
        if name is None:
            await Accounts(client).set_own_password(password, current or "")
        else:
            await Accounts(client).set_password(name, password)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note("nagare: the password is set")


@app.command()
def grant(context: typer.Context, name: Name, role: Role, group: Groups = None) -> None:
    """Give a user a role, for every host or for those of groups.

    Examples:
      nagare users grant ada operator
      nagare users grant ada operator --group db --group web
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> UserView:
        return await Accounts(client).grant(name, role, group or None)

    _write(invocation, call(invocation.settings, change))


@app.command()
def revoke(context: typer.Context, name: Name, role: Role) -> None:
    """Take a role from a user.

    Example:
      nagare users revoke ada admin
    """
    from nagare.client.accounts import Accounts

    invocation = invocation_of(context)

    async def change(client: Client) -> UserView:
        return await Accounts(client).take(name, role)

    _write(invocation, call(invocation.settings, change))


def _patch(invocation: Invocation, name: str, *, new_name: str | None = None, is_disabled: bool | None = None) -> None:
    from nagare.client.accounts import Accounts
    from nagare.wire.users import UserPatch

    async def change(client: Client) -> UserView:
        return await Accounts(client).patch_user(name, UserPatch(new_name, is_disabled))

    _write(invocation, call(invocation.settings, change))


def _write(invocation: Invocation, user: UserView) -> None:
    if invocation.format is not OutputFormat.TABLE:
        write_document(_document(user))
        return
    rows = [(key, value) for key, value in _document(user).items() if not isinstance(value, list | dict)]
    if user.identity is not None:
        rows += [("issuer", user.identity.issuer), ("subject", user.identity.subject)]
    rows += [("role", _grant(one)) for one in user.grants]
    rows += [("permission", one) for one in user.permissions]
    write_rows(invocation, Rows(("property", "value"), rows))


def _write_list(invocation: Invocation) -> None:
    from nagare.client.accounts import Accounts

    async def fetch(client: Client) -> list[UserView]:
        return await Accounts(client).users()

    found = call(invocation.settings, fetch)
    if invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON):
        documents = [_document(user) for user in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    rows = [
        (
            user.name,
            " ".join(map(_grant, user.grants)),
            "disabled" if user.is_disabled else "enabled",
            "yes" if user.has_password else "no",
            user.last_login_at,
        )
        for user in found
    ]
    write_rows(invocation, Rows(_COLUMNS, rows, ("", "", "", "", "TIMESTAMP")))


def _grant(grant: GrantView) -> str:
    return grant.role if grant.groups is None else f"{grant.role}({','.join(grant.groups)})"


def _document(user: UserView) -> dict[str, object]:
    document: dict[str, object] = {name: getattr(user, name) for name in user.__struct_fields__}
    document["grants"] = [{"role": one.role, "groups": one.groups} for one in user.grants]
    known = user.identity
    document["identity"] = None if known is None else {"issuer": known.issuer, "subject": known.subject}
    return document


roles.register(app)
sessions.register(app)
keys.register(app)
links.register(app)
