"""``nagare commands keys``: the key that signs commands, and replacing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of, is_terminal
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.command_keys import CommandKeysView

app = typer.Typer(add_completion=False)
# As the server's files and its log name a key.
_ID_DIGITS = 16


@app.callback()
def keys() -> None:
    """The key that signs commands: which it is, how old, and replacing it.

    Hosts learn the new key first, then it signs, then the old one ends; `commands.key_grace_seconds` lies between.

    Examples:
      nagare commands keys list
      nagare commands keys rotate
    """


@app.command("list")
def list_keys(context: typer.Context) -> None:
    """List the keys that hosts are told of, and how far a change is.

    Example:
      nagare commands keys list
    """
    invocation = invocation_of(context)
    view = _fetch(invocation)
    write_rows(
        invocation,
        Rows(
            ("id", "state", "made_at"), [(key.id, key.state, key.made_at) for key in view.keys], ("", "", "TIMESTAMP")
        ),
    )
    _say(invocation, view)


@app.command()
def rotate(
    context: typer.Context,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Give hosts no time: for a key that somebody else may have.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Sign commands with a new key.

    With --at-once the old key ends now, also in the middle of a change. Hosts that are connected learn the new one in the
    same moment, others when they come back.

    Examples:
      nagare commands keys rotate
      nagare commands keys rotate --at-once --yes
    """
    from nagare.client.command_keys import CommandKeyCalls

    invocation = invocation_of(context)
    before = _fetch(invocation)
    signing = before.keys[0].id
    if not yes:
        _confirm(signing, at_once)

    async def change(client: Client) -> CommandKeysView:
        return await CommandKeyCalls(client).rotate(signing, at_once=at_once)

    view = call(invocation.settings, change)
    if invocation.format is not OutputFormat.TABLE:
        from nagare.wire.codec import decode_any, encode

        write_document(decode_any(encode(view)))
        return
    if not invocation.is_quiet:
        note(f"nagare: key {view.keys[-1].id[:_ID_DIGITS]} follows {signing[:_ID_DIGITS]}")
    _say(invocation, view)


def _fetch(invocation: Invocation) -> CommandKeysView:
    from nagare.client.command_keys import CommandKeyCalls

    async def fetch(client: Client) -> CommandKeysView:
        return await CommandKeyCalls(client).view()

    return call(invocation.settings, fetch)


def _confirm(signing: str, at_once: bool) -> None:
    if not is_terminal():
        raise InputError("cannot rotate the key of commands: nobody is here to confirm it", hint="add --yes")
    how = (
        "now; hosts that are away learn the new one when they come back" if at_once else "once hosts had time to learn"
    )
    typer.confirm(f"Key {signing[:_ID_DIGITS]} signs commands. Replace it {how}?", abort=True, err=True)


def _say(invocation: Invocation, view: CommandKeysView) -> None:
    if invocation.is_quiet:
        return
    if view.next_step_at:
        word = "the new key signs" if view.stage == "announced" else "the old key ends"
        note(f"nagare: {word} from {view.next_step_at} on")
    if view.hosts_behind:
        named = ", ".join(view.hosts_behind[:5])
        note(f"nagare: {len(view.hosts_behind)} of {view.hosts} connected hosts did not say that they know it: {named}")
