"""Which file a host that joins is given, and its way out: the newest that is published, else the server's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from nagare.bundles.contents import ARCHES, check_arch, own_arch
from nagare.bundles.own import OwnFiles
from nagare.errors import InputError, NagareError, OverloadedError
from nagare.model.updates import version_key
from nagare.updates.publishing import Publishing

MEDIA = "application/octet-stream"
# Anybody may fetch: so many at once, and each must take a piece in time.
_AT_ONCE = 16
_PIECE_SECONDS = 30.0
_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AgentFile:
    """A file that hosts may have; ``read`` returns the piece at an offset, an empty one at the end."""

    sha256: str
    length: int
    read: Callable[[int], Awaitable[bytes]]


class AgentFiles:
    """Files of agents by processor."""

    def __init__(self, publishing: Publishing, own: OwnFiles) -> None:
        """Look first at what is published."""
        self._publishing = publishing
        self._own = own
        self._sending = 0

    async def __aenter__(self) -> Self:
        """Take work."""
        await self._own.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more."""
        await self._own.__aexit__(kind, error, trace)

    async def find(self, arch: str) -> AgentFile:
        """Return the file for ``arch``. Raises InputError, NotFoundError with what to do, and what building may raise."""
        check_arch(arch)
        shelf = self._publishing.shelf
        listed = [] if shelf.is_empty else [bundle for bundle in shelf.listed.bundles if bundle.arch == arch]
        if listed:
            newest = max(listed, key=lambda bundle: version_key(bundle.version))
            return AgentFile(newest.sha256, newest.length, partial(self._publishing.read, newest.sha256))
        own = await self._own.find(arch)
        return AgentFile(own.sha256, own.length, partial(self._own.read, own))

    def offered(self) -> list[str]:
        """Return for which processors there is a file, or would be one; nothing is built for this answer."""
        shelf = self._publishing.shelf
        found = set() if shelf.is_empty else {bundle.arch for bundle in shelf.listed.bundles}
        with contextlib.suppress(InputError):
            found.add(own_arch())
        return sorted(found)

    async def digests(self) -> dict[str, str]:
        """Return the SHA-256 of the file for every processor that there is one for."""
        found = {}
        for arch in ARCHES:
            try:
                found[arch] = (await self.find(arch)).sha256
            except NagareError:
                # The script says so on a host that needs it.
                continue
        return found

    async def send(self, request: web.Request, file: AgentFile) -> web.StreamResponse:
        """Send ``file`` piece by piece. Raises OverloadedError when too many are being sent."""
        if self._sending >= _AT_ONCE:
            raise OverloadedError(
                "cannot send the agent's file: too many hosts fetch it just now", retry_after_seconds=_AGAIN_SECONDS
            )
        self._sending += 1
        try:
            piece = await file.read(0)
            response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: MEDIA})
            response.content_length = file.length
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD:
                await _send_pieces(request, response, file, piece)
            return response
        finally:
            self._sending -= 1


async def _send_pieces(request: web.Request, response: web.StreamResponse, file: AgentFile, piece: bytes) -> None:
    sent = 0
    try:
        while piece:
            async with asyncio.timeout(_PIECE_SECONDS):
                await response.write(piece)
            sent += len(piece)
            piece = await file.read(sent)
    except (TimeoutError, NagareError):
        # Cut short, which the length that was announced tells.
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the client went: there is nobody to tell
