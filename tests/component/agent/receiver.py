"""A real HTTP server that plays our server's part at the other end of an uplink, and can be told to misbehave."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from nagare.config.places import Places
from nagare.errors import NagareError, NotFoundError, UnsupportedMediaError
from nagare.keys.files import make_private_directory, write_private
from nagare.keys.signing import is_signed
from nagare.server.problems import error_response
from nagare.wire.batch import JSON, Batch, BatchReply, Refusal
from nagare.wire.binary_batch import MEDIA_TYPE, decode_batch
from nagare.wire.codec import decode, encode, unpack
from nagare.wire.commands import SignedCommandKeys
from nagare.wire.hosts import RegisterReply, RegisterRequest, Standing
from nagare.wire.rollouts import UpdateOffer
from nagare.wire.signature import HEADER, signed_bytes
from nagare.wire.system import ServerNote
from tests.component.net.local_server import serving

ADMIN = "admin-token"


@dataclass
class Receiver:
    """Keeps what it took. ``refuse`` may return an error for a batch, ``refuse_registration`` for a registration."""

    batches: list[Batch] = field(default_factory=list)
    registrations: list[RegisterRequest] = field(default_factory=list)
    # Every token that was shown, in order: nothing else may ever be.
    tokens: list[str] = field(default_factory=list)
    host_token: str = "host-token-1"
    name: str | None = None
    refuse: Callable[[Batch], NagareError | None] = lambda _: None
    refuse_registration: Callable[[RegisterRequest], NagareError | None] = lambda _: None
    # Rows that every reply lists as not stored.
    refused: list[Refusal] = field(default_factory=list)
    hold: asyncio.Event | None = None
    # The content types of batches that it speaks, and those that came.
    spoken: tuple[str, ...] = (JSON, MEDIA_TYPE)
    media: list[str] = field(default_factory=list)
    # None: a server that cannot be asked.
    standing: Standing | None = None
    # What it says at the registration that the host may.
    capabilities: list[str] = field(default_factory=lambda: ["metrics"])
    command_keys: SignedCommandKeys | None = None
    # An update that it offers to whoever asks, and how many pieces of it were fetched.
    offer: UpdateOffer = field(default_factory=UpdateOffer)
    content: bytes = b""
    offered: int = 0
    pieces: int = 0
    on_piece: Callable[[], None] = lambda: None
    asked: int = 0
    seen: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def seqs(self) -> list[int]:
        """The seqs taken, in order of arrival."""
        return [batch.seq for batch in self.batches]

    async def taken(self, count: int) -> None:
        """Wait until so many batches were taken."""
        async with self.seen:
            await self.seen.wait_for(lambda: len(self.batches) >= count)

    async def changed(self) -> None:
        """Wait for the next request of any kind."""
        async with self.seen:
            await self.seen.wait()

    async def register(self, request: web.Request) -> web.Response:
        """Take a registration."""
        self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        document = decode(await request.read(), RegisterRequest)
        error = self.refuse_registration(document)
        if error is None:
            self.registrations.append(document)
        await self._tell()
        if error is not None:
            return error_response(error, "r")
        enrolment = "active" if self.standing is None else self.standing.enrolment
        name = self.name or document.name
        reply = RegisterReply("h1", name, self.host_token, enrolment, self.capabilities, command_keys=self.command_keys)
        return web.Response(body=encode(reply), content_type="application/json")

    async def ingest(self, request: web.Request) -> web.Response:
        """Take a batch, after checking its signature like the real one."""
        self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        raw = await request.read()
        encoding = request.headers["Content-Encoding"]
        assert is_signed(
            self.registrations[-1].public_key or "", request.headers[HEADER], signed_bytes(request.path, encoding, raw)
        )
        self.media.append(request.content_type)
        if request.content_type not in self.spoken:
            return error_response(UnsupportedMediaError(f"cannot read {request.content_type}"), "r")
        batch = decode_batch(unpack(raw, encoding, 10**8))
        if self.hold is not None:
            await self.hold.wait()
        error = self.refuse(batch)
        if error is None:
            self.batches.append(batch)
        await self._tell()
        return (
            error_response(error, "r")
            if error
            else web.Response(body=encode(BatchReply(1, refused=self.refused)), content_type="application/json")
        )

    async def tell_standing(self, _request: web.Request) -> web.Response:
        """Say how far the host has come."""
        self.asked += 1
        await self._tell()
        if self.standing is None:
            return error_response(NotFoundError("cannot find it"), "r")
        return web.Response(body=encode(self.standing), content_type="application/json")

    async def offer_update(self, _request: web.Request) -> web.Response:
        """Offer, whatever was granted."""
        self.offered += 1
        return web.Response(body=encode(self.offer), content_type="application/json")

    async def give_piece(self, request: web.Request) -> web.Response:
        """Give a small piece of the update."""
        self.pieces += 1
        self.on_piece()
        offset = int(request.query["offset"])
        return web.Response(body=self.content[offset : offset + 2], content_type="application/octet-stream")

    async def _tell(self) -> None:
        async with self.seen:
            self.seen.notify_all()


@asynccontextmanager
async def receiving(receiver: Receiver, places: Places | None = None) -> AsyncIterator[str]:
    """Serve; with ``places``, as that installation's own server."""
    routes = (
        web.post("/api/v1/hosts/register", receiver.register),
        web.post("/api/v1/metrics/batch", receiver.ingest),
        web.get("/api/v1/standing", receiver.tell_standing),
        web.post("/api/v1/agent/update", receiver.offer_update),
        web.get("/api/v1/agent/update/{id}", receiver.give_piece),
    )
    async with serving(*routes) as url:
        if places is not None:
            make_private_directory(places.run)
            write_private(places.token, ADMIN.encode())
            write_private(places.server_note, encode(ServerNote(url, os.getpid())))
        yield url
