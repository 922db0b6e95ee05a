"""Calls about shells on hosts: the server is told of each, and says what it knows of the way."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.client.tunnels import ServerTunnel
from nagare.lib.names import path_name
from nagare.wire.shells import ShellEnd, ShellRequest, ShellView
from nagare.wire.tunnels import FRAME_LIMIT_BYTES

_SHELLS = "/api/v1/shells"


class ShellCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def open(self, host: str) -> ShellView:
        """Tell that a shell is opened on ``host``. Raises NotFoundError, PermissionDeniedError, LimitExceededError."""
        return await self._client.send("POST", _SHELLS, ShellRequest(host), ShellView)

    async def touch(self, shell_id: str) -> ShellView:
        """Tell that it is still open. Raises NotFoundError, UnauthenticatedError, PermissionDeniedError."""
        return await self._client.fetch(f"{_SHELLS}/{path_name(shell_id)}", ShellView)

    async def end(self, shell_id: str, end: ShellEnd) -> None:
        """Tell how it ended. Raises NotFoundError."""
        await self._client.send("POST", f"{_SHELLS}/{path_name(shell_id)}/end", end, None)

    async def reach(self, host: str) -> ServerTunnel:
        """Return a tunnel by the server to the SSH of ``host``.

        Raises ConnectFailedError, DeadlineExceededError, PermissionDeniedError, NotFoundError, LimitExceededError.
        """
        socket = await self._client.open_bytes(f"/ws/ssh/{path_name(host)}", FRAME_LIMIT_BYTES)
        tunnel = ServerTunnel(socket)
        try:
            await tunnel.wait_opened()
        except BaseException:
            await tunnel.close()
            raise
        return tunnel
