"""``nagare agent``: collects from this host and sends it to the server until a signal ends it."""

from __future__ import annotations

import typer

from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.service import run_service

app = typer.Typer(add_completion=False)


@app.command()
def agent(
    context: typer.Context,
    server: str | None = typer.Option(
        None, "--server", metavar="URL", help="Server to send to, instead of this installation's own."
    ),
    token_file: str | None = typer.Option(
        None, "--token-file", metavar="FILE", help="File with the token to register with, instead of run/token."
    ),
    parent_fd: int | None = typer.Option(None, "--parent-fd", hidden=True),
) -> None:
    """Run the agent that collects from this host.

    It registers once, then holds a token that may only ingest as this host. While the server is away batches wait on
    disk. SIGTERM or Ctrl-C end it cleanly.

    Examples:
      nagare agent
      nagare agent --server https://ops.example.net:8750 --token-file join.token
    """
    invocation = invocation_of(context)
    invocation.set_flags({"agent.server": server, "agent.token_file": token_file})
    from nagare.agent.main import run_agent

    run_service(invocation, run_agent, parent_fd=parent_fd)
