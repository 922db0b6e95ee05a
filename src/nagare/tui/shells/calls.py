"""What panes need of the server: that their shells are on record."""

from __future__ import annotations

from typing import Protocol

from nagare.wire.shells import ShellEnd, ShellView


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
