"""``nagare agent``: collects from this host and sends it to the server until a signal ends it; ``status`` tells how it does."""

from __future__ import annotations

from functools import partial

import typer

from nagare.cli.console.invocation import Invocation, invocation_of
from nagare.cli.console.service import run_service

app = typer.Typer(add_completion=False, invoke_without_command=True)


@app.callback()
def agent(
    context: typer.Context,
    server: str | None = typer.Option(
        None, "--server", metavar="URL", help="Server to send to, instead of this installation's own."
    ),
    token_file: str | None = typer.Option(
        None, "--token-file", metavar="FILE", help="File with the token to register with, instead of run/token."
    ),
    joins: bool = typer.Option(False, "--join", help="Become a host with the token in agent.join_token_file, and end."),
    parent_fd: int | None = typer.Option(None, "--parent-fd", hidden=True),
    trial_fd: int | None = typer.Option(None, "--trial-fd", hidden=True),
    is_current: bool = typer.Option(False, "--is-current", hidden=True),
) -> None:
    """Run the agent that collects from this host.

    It registers once, then holds a token that may only ingest as this host. While the server is away batches wait on
    disk. SIGTERM or Ctrl-C end it cleanly.

    Examples:
      nagare agent
      nagare agent --server https://ops.example.net:8750 --token-file join.token
    """
    if context.invoked_subcommand is not None:
        return
    invocation = invocation_of(context)
    invocation.set_flags({"agent.server": server, "agent.token_file": token_file})
    if joins:
        from nagare.agent.joining import join_server

        run_service(invocation, join_server, parent_fd=parent_fd)
        return
    from nagare.agent.main import run_agent
    from nagare.agent.update.updater import Mode

    # A child of ``up`` is of its parent's version; only a parent that tries a new one gives it a second pipe.
    mode = Mode(_words(invocation), trial_fd, parent_fd is None, is_current)
    run_service(invocation, partial(run_agent, mode=mode), parent_fd=parent_fd)


@app.command()
def status(context: typer.Context) -> None:
    """Tell how the agent of this host does, also while its server is away or it does not run.

    It says whether the agent runs and delivers, what waits and how old that is, what was lost since the start, which
    commands this host takes, and how old all of that is. Exit 1 when something of it is bad, 5 where never an agent ran.

    Examples:
      nagare agent status
      nagare agent status -o json
    """
    from nagare.cli.offline.agent_status import show_status

    show_status(invocation_of(context))


def _words(invocation: Invocation) -> tuple[str, ...]:
    """Return the options with which an agent's file runs as this command runs now."""
    names = {"data": "--data", "config": "--config", "agent.server": "--server", "agent.token_file": "--token-file"}
    given = [
        word for key, name in names.items() if key in invocation.flags for word in (name, str(invocation.flags[key]))
    ]
    return (*given, *(["--no-color"] if invocation.no_color else []))
