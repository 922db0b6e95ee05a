"""``nagare hosts``: the machines that the installation knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.console.table import format_local_time
from nagare.cli.hosts_upkeep import groups, maintenance
from nagare.cli.hosts_upkeep import note as note_on_host
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.gaps import GapView
    from nagare.wire.hosts import HostView

app = typer.Typer(add_completion=False, invoke_without_command=True)


@app.callback()
def hosts(context: typer.Context) -> None:
    """List, show, label, accept, revoke, rotate and remove hosts.

    Without a verb it lists them.

    Examples:
      nagare hosts
      nagare hosts show web1
      nagare hosts label web1 role=db rack=
    """
    if context.invoked_subcommand is None:
        _write_list(invocation_of(context))


@app.command("list")
def list_hosts(context: typer.Context) -> None:
    """List the hosts with their state and when they were last heard.

    Example:
      nagare hosts list -o ndjson
    """
    _write_list(invocation_of(context))


@app.command()
def show(context: typer.Context, name: str = typer.Argument(metavar="NAME", help="The host.")) -> None:
    """Show everything that is known of one host.

    Example:
      nagare hosts show web1 -o json
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> HostView:
        return await client.host(name)

    host = call(invocation.settings, fetch)
    if invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON):
        write_document(_document(host))
        return
    is_table = invocation.format is OutputFormat.TABLE
    rows = [
        (key, format_local_time(value) if is_table and key.endswith("_at") and value else value)
        for key, value in _document(host).items()
        if not isinstance(value, dict)
    ]
    rows += [(f"label {key}", value) for key, value in host.labels.items()]
    rows += [(f"fact {key}", value) for key, value in host.facts.items()]
    write_rows(invocation, Rows(("property", "value"), rows))


@app.command()
def gaps(context: typer.Context, name: str = typer.Argument(metavar="NAME", help="The host.")) -> None:
    """List when nothing came of a host in time, and why.

    It was down, its rows came later (buffered), some of them did (thinned), or they were dropped at the agent.

    Example:
      nagare hosts gaps web1
    """
    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[GapView]:
        return await client.gaps(name)

    rows = [(gap.kind, gap.from_at, gap.until_at) for gap in call(invocation.settings, fetch)]
    write_rows(invocation, Rows(("kind", "from", "until"), rows, ("", "TIMESTAMP", "TIMESTAMP")))


@app.command()
def label(
    context: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="The host."),
    pairs: list[str] = typer.Argument(metavar="KEY=VALUE...", help="Labels to set; KEY= takes one away."),
) -> None:
    """Set or take away labels of a host; the others stay.

    Examples:
      nagare hosts label web1 role=db
      nagare hosts label web1 role=
    """
    changes = dict(_pair(pair) for pair in pairs)
    invocation = invocation_of(context)

    async def change(client: Client) -> HostView:
        present = (await client.host(name)).labels
        merged = {key: value for key, value in {**present, **changes}.items() if value}
        return await client.patch_host(name, merged)

    host = call(invocation.settings, change)
    write_rows(invocation, Rows(("label", "value"), sorted(host.labels.items())))


app.command()(groups)
app.command()(note_on_host)
app.command()(maintenance)


@app.command()
def accept(
    context: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="The host."),
    allow: list[str] = typer.Option([], "--allow", "-a", metavar="WORD", help="What it may: commands, update."),
) -> None:
    """Let a host work that waits, or that was revoked, and say what it may beside sending metrics.

    Examples:
      nagare hosts accept web1
      nagare hosts accept web1 --allow commands
    """
    invocation = invocation_of(context)

    async def change(client: Client) -> HostView:
        return await client.accept_host(name, ["metrics", *allow])

    host = call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: host {host.name} is {host.enrolment} and may: {', '.join(host.capabilities)}")


@app.command()
def revoke(
    context: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="The host."),
) -> None:
    """Shut a host out: its token ends at once, and it cannot join again until it is accepted.

    Example:
      nagare hosts revoke web1
    """
    invocation = invocation_of(context)

    async def change(client: Client) -> HostView:
        return await client.revoke_host(name)

    host = call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: host {host.name} is {host.enrolment}")


@app.command()
def rotate(
    context: typer.Context,
    name: str = typer.Argument("", metavar="[NAME]", help="The host."),
    every: bool = typer.Option(False, "--all", help="Every host."),
) -> None:
    """Let a host, or every one, renew its token within minutes; the present one works until the new one is in use.

    Agents do it by themselves before a token is old. For a token that may be stolen, revoke its host.

    Examples:
      nagare hosts rotate web1
      nagare hosts rotate --all
    """
    if bool(name) == every:
        raise InputError("cannot rotate tokens: of which host?", hint="give NAME, or --all")
    invocation = invocation_of(context)

    async def change(client: Client) -> int:
        return await client.rotate_hosts(name or None)

    count = call(invocation.settings, change)
    if not invocation.is_quiet:
        note(f"nagare: {count} {'host renews its token' if count == 1 else 'hosts renew their tokens'}")


@app.command()
def remove(
    context: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="The host."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Forget a host and void its token; its samples stay until they are old.

    Example:
      nagare hosts remove web1 --yes
    """
    invocation = invocation_of(context)
    if not yes:
        _confirm(name)

    async def delete(client: Client) -> None:
        await client.delete_host(name)

    call(invocation.settings, delete)
    if not invocation.is_quiet:
        note(f"nagare: host {name} is removed")


def _confirm(name: str) -> None:
    from nagare.cli.console.invocation import is_interactive

    if not is_interactive():
        raise InputError(f"cannot remove host {name!r}: nobody is here to confirm it", hint="add --yes")
    if typer.prompt(f"Type the name of the host to remove ({name})", err=True) != name:
        raise InputError(f"cannot remove host {name!r}: the name typed is another")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"cannot use label {text!r}: it must read KEY=VALUE", hint="for example: role=db")
    return key, value


def _write_list(invocation: Invocation) -> None:
    async def fetch(client: Client) -> list[HostView]:
        return await client.hosts()

    found = call(invocation.settings, fetch)
    if invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON):
        documents = [_document(host) for host in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    rows = [
        (
            host.name,
            host.state,
            _standing(host),
            host.maintenance,
            host.last_seen_at,
            host.version,
            _labels(host.labels),
        )
        for host in found
    ]
    types = ("", "", "", "", "TIMESTAMP", "", "")
    columns = ("host", "state", "enrolment", "maintenance", "last_seen", "version", "labels")
    write_rows(invocation, Rows(columns, rows, types))


def _standing(host: HostView) -> str:
    return f"{host.enrolment}, contested" if host.conflict else host.enrolment


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _document(host: HostView) -> dict[str, Any]:
    return {name: getattr(host, name) for name in host.__struct_fields__}
