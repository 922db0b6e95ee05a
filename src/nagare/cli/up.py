"""``nagare up``: server, agent and dashboard of this machine in one word."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, invocation_of, is_interactive
from nagare.errors import InputError, LockedError

if TYPE_CHECKING:
    from nagare.cli.supervision.supervisor import Plan
    from nagare.config.places import Places

app = typer.Typer(add_completion=False)
# The agent hands over what it holds; the server has its own setting, to which it may add a checkpoint's time.
_AGENT_STOP_SECONDS = 10.0
_STOP_SLACK_SECONDS = 5.0


@app.command()
def up(
    context: typer.Context,
    listen: str | None = typer.Option(
        None, "--listen", metavar="HOST:PORT", help="Address to listen on; port 0 picks a free one."
    ),
    insecure: bool | None = typer.Option(
        None, "--insecure", help="Serve plain HTTP beyond loopback; only for a network you fully trust."
    ),
    parent_fd: int | None = typer.Option(None, "--parent-fd", hidden=True),
) -> None:
    """Run server, agent and dashboard of this machine.

    On a terminal the dashboard opens, and leaving it ends everything; the logs are in run/up.log. Without a terminal
    the logs go to stderr until Ctrl-C or SIGTERM. Where a server runs already, only the dashboard is opened.

    Examples:
      nagare up
      nagare up --listen 127.0.0.1:0 --data /tmp/try
    """
    invocation = invocation_of(context)
    if invocation.flags.get("client.server"):
        raise InputError(
            "cannot run up with --server: it starts a server of its own", hint="use `nagare top --server URL`"
        )
    invocation.set_flags({"server.listen": listen, "server.insecure": insecure})
    if parent_fd is not None:
        from nagare.cli.console.parent import watch_parent

        watch_parent(parent_fd)
    status = _run(invocation)
    if status:
        raise typer.Exit(status)


def _run(invocation: Invocation) -> int:
    from nagare.client.owner import find_owner
    from nagare.config.places import Places

    places = Places(invocation.settings.data)
    owner = find_owner(places.lock)
    if owner is None:
        return _supervise(invocation, places)
    if not is_interactive():
        raise LockedError(
            f"cannot start a server in {places.data}: process {owner} serves it already",
            hint="`nagare query` and `nagare top` reach it; stop it to run another",
            context={"pid": owner},
        )
    note(f"nagare: process {owner} serves {places.data} already; opening its dashboard")
    from nagare.cli.top import open_dashboard

    return open_dashboard(invocation.settings, None)


def _supervise(invocation: Invocation, places: Places) -> int:
    from nagare.cli.supervision.log_lines import LogLines, to_file, to_stderr
    from nagare.cli.supervision.supervisor import Supervisor
    from nagare.cli.supervision.terminal import kept_terminal

    plan = _plan(invocation, places)
    if plan.dashboard is None:
        with LogLines(to_stderr, is_shown=True) as lines:
            return asyncio.run(Supervisor(plan, lines).run())
    _make_run_directory(places)
    with (
        to_file(places.run / "up.log") as write,
        LogLines(write, is_shown=False) as lines,
        kept_terminal() as terminal,
    ):
        return asyncio.run(Supervisor(plan, lines, terminal=terminal).run())


def _make_run_directory(places: Places) -> None:
    from nagare.errors import StorageError

    try:
        places.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make directory {places.run}: {(error.strerror or 'refused').lower()}") from error


def _plan(invocation: Invocation, places: Places) -> Plan:
    from nagare.cli.supervision.child import ChildPlan
    from nagare.cli.supervision.supervisor import Plan

    settings = invocation.settings
    server_words = ["serve", *_shared(invocation)]
    if "server.listen" in invocation.flags:
        server_words += ["--listen", invocation.flags["server.listen"]]
    if invocation.flags.get("server.insecure"):
        server_words.append("--insecure")

    # An empty address is this installation, whatever client.server says.
    dashboard = ChildPlan("top", ["top", *_shared(invocation), "--server", ""], _STOP_SLACK_SECONDS, has_terminal=True)
    return Plan(
        server=ChildPlan("serve", server_words, settings.server.stop_seconds + _STOP_SLACK_SECONDS),
        agent=ChildPlan("agent", ["agent", *_shared(invocation)], _AGENT_STOP_SECONDS),
        dashboard=dashboard if is_interactive() else None,
        server_note=places.server_note,
    )


def _shared(invocation: Invocation) -> list[str]:
    # The children read the same variables and files; only what was typed must be handed on.
    words = []
    for key in ("data", "config"):
        if key in invocation.flags:
            words += [f"--{key}", str(invocation.flags[key])]
    return [*words, *(["--no-color"] if invocation.no_color else [])]
