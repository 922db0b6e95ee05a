"""``nagare login``: a session at a server, which all commands of this user share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from nagare.cli.accounts.passwords import ask_password
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of, is_interactive
from nagare.cli.console.output import write_document
from nagare.errors import ConnectFailedError, InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.logins import Login
    from nagare.client.target import Target
    from nagare.wire.auth import TokenReply

    Prove = Callable[[Client], Awaitable[TokenReply]]

app = typer.Typer(add_completion=False)


@app.command()
def login(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="The server; --server or this machine's own.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="NAME", help="The user; asked for if not given.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
    ] = False,
    oidc: Annotated[
        bool,
        typer.Option("--oidc", help="Log in by the server's OpenID provider: shows a code to confirm in a browser."),
    ] = False,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Authority of the server's certificate.")
    ] = None,
    pin: Annotated[str, typer.Option("--pin", metavar="HEX", help="SHA-256 of the server's public key.")] = "",
) -> None:
    """Log in, so that every command speaks to the server as you.

    The tokens stay in the keyring where there is one, else in a file that only you can read. They are renewed by
    themselves until `nagare logout`, or until nobody used them for two weeks.

    Examples:
      nagare login https://ops.example.net:8750
      nagare login https://ops.example.net:8750 --oidc
      nagare login --user ada --password-stdin < secret.txt
    """
    invocation = invocation_of(context)
    target = _target(invocation, url, ca, pin)
    if oidc and (user is not None or password_stdin):
        raise InputError("cannot log in both ways: the provider says who you are", hint="leave --user and the password")
    prove = _by_device if oidc else _by_password(user, password_stdin)
    kept, is_in_keyring = asyncio.run(_log_in(invocation, target, prove))
    if invocation.output in (OutputFormat.JSON, OutputFormat.NDJSON):
        write_document({"url": kept.url, "user": kept.user, "session": kept.session, "keyring": is_in_keyring})
    elif not invocation.is_quiet:
        place = "in the keyring" if is_in_keyring else "in a file of yours"
        note(f"nagare: logged in to {kept.url} as {kept.user}; the tokens are {place}")


def _target(invocation: Invocation, url: str | None, ca: Path | None, pin: str) -> Target:
    from nagare.client.target import Target, read_server_note
    from nagare.config.places import Places

    client = invocation.settings.client
    ca_file, url = ca or client.ca_file, url or client.server
    if not url:
        try:
            found = read_server_note(Places(invocation.settings.data))
        except ConnectFailedError as error:
            raise InputError(
                "cannot log in: no server was named, and none runs here", hint="nagare login https://SERVER:8750"
            ) from error
        url, ca_file, pin = found.url, ca_file or (Path(found.ca) if found.ca else None), pin or found.pin
    url = url if "://" in url else f"https://{url}"
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise InputError(f"cannot log in to {url}: it would cross the network in the clear", hint="use https")
    return Target(url, "", ca_file, pin)


def _by_password(user: str | None, from_stdin: bool) -> Prove:
    if user is None:
        if not is_interactive():
            raise InputError("cannot ask for a user: this is no terminal", hint="add --user NAME")
        user = typer.prompt("User", err=True)
    name, password = user, ask_password(f"Password of {user}", from_stdin=from_stdin)

    async def prove(client: Client) -> TokenReply:
        from nagare.client.accounts import Accounts

        return await Accounts(client).login(name, password)

    return prove


async def _by_device(client: Client) -> TokenReply:
    from nagare.client.accounts import Accounts
    from nagare.client.device_login import wait_for_login
    from nagare.lib.plain_text import plain

    accounts = Accounts(client)
    begun = await accounts.begin_device()
    # On stderr, as all talk; the person needs it though --quiet was given.
    note(f"nagare: open {plain(begun.verification_uri, 512)} and enter the code {plain(begun.user_code, 64)}")
    if begun.verification_uri_complete:
        note(f"nagare: or open {plain(begun.verification_uri_complete, 512)}")
    return await wait_for_login(accounts, begun, client.clock)


async def _log_in(invocation: Invocation, target: Target, prove: Prove) -> tuple[Login, bool]:
    from nagare.client.client import Client
    from nagare.client.login_keeper import tokens_of
    from nagare.client.logins import Login, with_tokens
    from nagare.client.target import logins_of

    settings = invocation.settings
    async with Client(target, deadline_seconds=settings.client.deadline_seconds) as client:
        reply = await prove(client)
        ca_file = "" if target.ca_file is None else str(target.ca_file.absolute())
        begun = Login(target.url.rstrip("/"), reply.user, reply.session, "", 0, "", ca_file, target.pin)
        kept = with_tokens(begun, tokens_of(reply, client.clock))
        logins = logins_of(settings)
        async with logins.locked(kept.url):
            return kept, logins.save(kept)
