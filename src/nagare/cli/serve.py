"""``nagare serve``: runs the server of this installation until a signal ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import typer

from nagare.cli.console.invocation import invocation_of
from nagare.cli.console.service import run_service
from nagare.config.reloads import Reloads

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    context: typer.Context,
    listen: str | None = typer.Option(
        None, "--listen", metavar="HOST:PORT", help="Address to listen on; port 0 picks a free one."
    ),
    insecure: bool | None = typer.Option(
        None, "--insecure", help="Serve plain HTTP beyond loopback; only for a network you fully trust."
    ),
    parent_fd: int | None = typer.Option(None, "--parent-fd", hidden=True),
) -> None:
    """Run the server that stores and answers.

    It makes keys and a local admin token on its first start and says in run/server.json where it listens. SIGTERM
    or Ctrl-C end it cleanly. A second server on one directory exits 7 and names the process that owns it.

    Examples:
      nagare serve
      nagare serve --listen 127.0.0.1:0 --data /srv/nagare
    """
    invocation = invocation_of(context)
    invocation.set_flags({"server.listen": listen, "server.insecure": insecure})
    from nagare.server.main import run_server

    reloads = Reloads()
    run_service(
        invocation,
        partial(run_server, reloads=reloads),
        parent_fd=parent_fd,
        loop_factory=_fast_loop(),
        reloads=reloads,
    )


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        # Absent where the platform has none; the standard loop does all the same, slower.
        return None
    return uvloop.new_event_loop
