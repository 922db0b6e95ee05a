"""``nagare tokens``: join tokens, with which machines become hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import InputError
from nagare.lib.units import parse_duration

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.joining import JoinTokenView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_FIELDS = (
    "id",
    "note",
    "uses_left",
    "expires_at",
    "accepts",
    "networks",
    "labels",
    "capabilities",
    "made_by",
    "created_at",
)
_TYPES = ("", "", "", "TIMESTAMP", "", "", "", "", "", "TIMESTAMP")


@app.callback()
def tokens(context: typer.Context) -> None:
    """Mint, list and revoke join tokens.

    Without a verb it lists them.

    Examples:
      nagare tokens mint --uses 20 --for 1h
      nagare tokens
    """
    if context.invoked_subcommand is None:
        list_tokens(context)


@app.command("list")
def list_tokens(context: typer.Context) -> None:
    """List join tokens, the newest first; their secrets are not kept.

    Example:
      nagare tokens list -o json
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[JoinTokenView]:
        return await client.join_tokens()

    found = call(invocation.settings, fetch)
    is_table = invocation.format is OutputFormat.TABLE
    rows = [[getattr(token, name) for name in _FIELDS] for token in found]
    if is_table:
        rows = [[" ".join(cell) if isinstance(cell, list) else cell for cell in row] for row in rows]
    write_rows(invocation, Rows(_FIELDS, rows, _TYPES if is_table else ()))


@app.command()
def mint(
    context: typer.Context,
    uses: Annotated[int, typer.Option("--uses", min=1, max=10_000, metavar="N", help="Machines that may join.")] = 1,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long it is good: 15m, 1h, 7d.")] = "1h",
    remark: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is for.")] = "",
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="CIDR", help="Only from this network; may be given again.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Label of the hosts; may be given again.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", "-a", metavar="WORD", help="What they may: commands, update.")
    ] = None,
    accepts: Annotated[bool, typer.Option("--accept", help="Hosts work at once, without an operator's word.")] = False,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where the machines reach the server.")] = "",
) -> None:
    """Mint a join token. It is shown only now, on stdout; it holds the server's address and the pin of its key.

    Beside it, on stderr, stands the line to paste on a machine, which installs the agent there and joins.

    Examples:
      nagare tokens mint > join.token
      nagare tokens mint --uses 40 --for 2h --network 10.2.0.0/16 --label rack=b7 --accept
    """
    from nagare.client.install_line import install_line
    from nagare.wire.joining import JoinTokenRequest

    invocation = invocation_of(context)
    request = JoinTokenRequest(
        note=remark,
        expires_seconds=parse_duration(lasts),
        uses=uses,
        networks=network or [],
        labels=dict(_pair(pair) for pair in label or []),
        capabilities=["metrics", *(allow or [])],
        accepts=accepts,
        url=url,
    )

    async def change(client: Client) -> JoinTokenView:
        return await client.mint_join_token(request)

    made = call(invocation.settings, change)
    if invocation.wants_json_errors:
        told = {name: getattr(made, name) for name in made.__struct_fields__}
        write_document({**told, "install": install_line(made.token)})
        return
    typer.echo(made.token)
    if not invocation.is_quiet:
        waits = "work at once" if made.accepts else "wait for `nagare hosts accept NAME`"
        note(f"nagare: {made.uses_left} machines may join until {made.expires_at}; they {waits}")
        if line := install_line(made.token):
            note(f"nagare: on a machine, in one line (as root for a service):\n\n{line}\n")
        note("nagare: or put it into a file (0600) there, then NAGARE_AGENT__JOIN_TOKEN_FILE=FILE nagare agent")


@app.command()
def revoke(
    context: typer.Context, token_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the token.")]
) -> None:
    """End a join token at once; hosts that joined with it stay.

    Example:
      nagare tokens revoke 3f2a9c0d4b5e6f708192a3b4c5d6e7f8
    """
    invocation = invocation_of(context)

    async def change(client: Client) -> None:
        await client.revoke_join_token(token_id)

    call(invocation.settings, change)
    if not invocation.is_quiet:
        note("nagare: the join token has ended")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"cannot use label {text!r}: it must read KEY=VALUE", hint="for example: rack=b7")
    return key, value
