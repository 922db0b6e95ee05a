"""What panes need of the server: that their shells are on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nagare.wire.shells import ShellEnd, ShellView

if TYPE_CHECKING:
    from nagare.ssh.pipe import Pipe
    from nagare.ssh.session import Session


class Begin(Protocol):
    """Makes a session for one connection."""

    def __call__(self, *, by_server: bool) -> Session:
        """Return one that goes that way."""
        ...


class ShellSeam(Protocol):
    """The calls about shells."""

    async def open(self, host: str) -> ShellView:
        """Tell that a shell is opened on ``host``."""
        ...

    async def touch(self, shell_id: str) -> ShellView:
        """Tell that it is still open."""
        ...

    async def end(self, shell_id: str, end: ShellEnd) -> None:
        """Tell how it ended."""
        ...

    async def reach(self, host: str) -> Pipe:
        """Return a way to the SSH of ``host`` by the server."""
        ...
