"""``nagare ssh``: a shell on a host of the fleet, in this terminal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.invocation import invocation_of, is_interactive
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.config.settings import Settings
    from nagare.ssh.shell import Ending

app = typer.Typer(add_completion=False)


@app.command()
def ssh(
    context: typer.Context,
    host: str = typer.Argument(metavar="HOST", help="A host of the fleet."),
    user: str | None = typer.Option(None, "--user", "-l", metavar="NAME", help="Log in as NAME."),
    via_server: bool | None = typer.Option(
        None,
        "--via-server/--direct",
        help="Let the server carry the connection; or never. Default: offer it where the host cannot be reached (ssh.via_server).",
        show_default=False,
    ),
) -> None:
    """Open a shell on a host. It ends with the exit status of the remote shell.

    The way there is what your own ~/.ssh/config says, else what operators noted of the host (labels ssh_address,
    ssh_port, ssh_user, ssh_jump). Begin and end are on record at the server. Enter, then ~. closes a shell that hangs.
    Where the host cannot be reached from here, the server can carry the connection: it passes bytes on and reads none,
    keys and passwords stay between you and the host.

    Examples:
      nagare ssh web1
      nagare ssh db1 --user postgres
      nagare ssh db1 --via-server
    """
    invocation = invocation_of(context)
    if not is_interactive():
        raise InputError(
            "cannot open a shell: stdin and stdout must be a terminal", hint="`nagare run` runs an action without one"
        )
    ending = _run(invocation.settings, host, user or "", via_server)
    raise typer.Exit(exit_status(ending))


def _run(settings: Settings, host: str, user: str, via_server: bool | None) -> Ending:
    import asyncio
    from dataclasses import replace

    from nagare.cli.shell.session import run_shell

    if via_server is not None:
        settings = replace(settings, ssh=replace(settings.ssh, via_server=via_server))
    return asyncio.run(run_shell(settings, host, user, is_offered=via_server is None))


def exit_status(ending: Ending) -> int:
    """Return the status to end with: the remote shell's own, 128 and its signal's number, or 3 when it was lost."""
    if ending.status is not None:
        return ending.status & 0xFF
    if ending.signal:
        known = {member.name: member.value for member in signal.Signals}
        return 128 + known.get(f"SIG{ending.signal}", 0)
    return 3
