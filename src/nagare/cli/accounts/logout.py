"""``nagare logout``: ends a session at its server and forgets its tokens here."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from nagare.cli.console.diagnostics import note, report
from nagare.cli.console.invocation import Invocation, invocation_of
from nagare.errors import NagareError, NotFoundError

app = typer.Typer(add_completion=False)


@app.command()
def logout(
    context: typer.Context,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="The server; the only one if not given.")] = None,
    all_servers: Annotated[bool, typer.Option("--all", help="Log out of every server.")] = False,
) -> None:
    """Log out: the session ends at the server, and its tokens are removed from this machine.

    Examples:
      nagare logout
      nagare logout https://ops.example.net:8750
    """
    invocation = invocation_of(context)
    for one in _wanted(invocation, url or invocation.settings.client.server, all_servers=all_servers):
        asyncio.run(_log_out(invocation, one))
        if not invocation.is_quiet:
            note(f"nagare: logged out of {one}")


def _wanted(invocation: Invocation, url: str, *, all_servers: bool) -> list[str]:
    from nagare.client.logins import normal
    from nagare.client.target import logins_of

    urls = logins_of(invocation.settings).urls()
    if all_servers:
        return urls
    found = [one for one in urls if not url or normal(one) == normal(url)]
    if not found:
        raise NotFoundError(
            f"cannot log out of {url or 'any server'}: there is no login", hint="nagare login begins one"
        )
    if len(found) > 1:
        raise NotFoundError(f"cannot choose among {', '.join(found)}", hint="name one, or add --all")
    return found


async def _log_out(invocation: Invocation, url: str) -> None:
    from pathlib import Path

    from nagare.client.accounts import Accounts
    from nagare.client.client import Client
    from nagare.client.target import Target, logins_of

    logins, settings = logins_of(invocation.settings), invocation.settings
    async with logins.locked(url):
        try:
            login = logins.find(url)
            if login is not None:
                ca_file = settings.client.ca_file or (Path(login.ca_file) if login.ca_file else None)
                target = Target(login.url, "", ca_file, login.pin)
                async with Client(target, deadline_seconds=settings.client.deadline_seconds) as client:
                    await Accounts(client).logout(login.refresh)
        except NagareError as error:
            # Gone from here in any case: who logs out must not stay logged in because a server is down.
            report(error, as_json=False)
            note("nagare: the session could not be ended at the server; it ends by itself when nobody uses it")
        logins.remove(url)
