"""The live connections: one task reads the client's frames, one writes what the hub put into the outbox."""

from __future__ import annotations

import asyncio
from functools import partial

from aiohttp import WSCloseCode, WSMsgType, web

from nagare.errors import InputError, NagareError, UnauthenticatedError
from nagare.model.principal import Permission, Principal
from nagare.server.hub import Connection, Hub
from nagare.server.live.ending import CLOSE_SECONDS, close_reason, cut
from nagare.server.problems import problem_of
from nagare.server.route import Call, Route
from nagare.server.services import ANONYMOUS, REQUEST_ID
from nagare.server.sight import sees
from nagare.wire.codec import encode
from nagare.wire.live import Authenticate, ErrorFrame, Hello, Subscribe, Subscribed, Unsubscribe
from nagare.wire.live_codec import decode_client_frame

_HEARTBEAT_SECONDS = 20.0
_AUTHENTICATE_SECONDS = 5.0
_FRAME_LIMIT_BYTES = 256 * 1024


class _Closed(Exception):  # noqa: N818  no error: the other side went
    """The client closed the connection."""


async def live(call: Call) -> web.WebSocketResponse:
    """Serve one live connection until either side ends it."""
    hub = call.services.hub
    connection = hub.join(None if call.principal is ANONYMOUS else call.principal)
    try:
        # Rows compress well, but at a cost of memory for each connection that a local network does not repay.
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_FRAME_LIMIT_BYTES, compress=False, timeout=CLOSE_SECONDS
        )
        await socket.prepare(call.request)
        await _serve(call, socket, connection)
        return socket
    finally:
        hub.leave(connection)


async def _serve(call: Call, socket: web.WebSocketResponse, connection: Connection) -> None:
    try:
        principal = await _principal(call, socket)
    except (NagareError, TimeoutError) as error:
        reason = error.message if isinstance(error, NagareError) else "no ticket came in time"
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=close_reason(reason))
        return
    except _Closed:
        return
    connection.principal = principal
    connection.sees = partial(sees, principal, call.services.fleet)
    hello = Hello(version=call.services.version, now=call.services.clock.now_ms())
    connection.put_frame(encode(hello))
    try:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(_write(socket, connection), name="live.write")
            cutter = tasks.create_task(cut(call.request, connection.ended), name="live.cut")
            await _read(call, socket, connection)
            writer.cancel()
            cutter.cancel()
    except* (ConnectionError, _Closed):
        pass  # the client went while we were writing


async def _principal(call: Call, socket: web.WebSocketResponse) -> Principal:
    if call.principal is not ANONYMOUS:
        return call.principal
    async with asyncio.timeout(_AUTHENTICATE_SECONDS):
        message = await socket.receive()
    if message.type is not WSMsgType.TEXT:
        raise _Closed
    frame = decode_client_frame(message.data)
    if not isinstance(frame, Authenticate):
        raise UnauthenticatedError("cannot go on: the first frame must be authenticate")
    principal = call.services.identity.tickets.redeem(frame.ticket)
    if not principal.may(Permission.METRICS_READ):
        raise UnauthenticatedError("cannot go on: the ticket does not allow this")
    return principal


async def _write(socket: web.WebSocketResponse, connection: Connection) -> None:
    await connection.wait()
    while connection.closing is None:
        await socket.send_frame(connection.outbox.take(), WSMsgType.TEXT)
        await connection.wait()
    is_stopping = connection.principal is None or connection.closing == "server is stopping"
    code = WSCloseCode.GOING_AWAY if is_stopping else WSCloseCode.POLICY_VIOLATION
    await socket.close(code=code, message=close_reason(connection.closing))


async def _read(call: Call, socket: web.WebSocketResponse, connection: Connection) -> None:
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        try:
            _obey(call.services.hub, connection, message.data)
        except NagareError as error:
            connection.put_frame(encode(ErrorFrame(problem_of(error, call.request.get(REQUEST_ID, "")))))


def _obey(hub: Hub, connection: Connection, content: str) -> None:
    frame = decode_client_frame(content)
    match frame:
        case Subscribe():
            connection.subscriptions.put(frame)
            connection.put_frame(encode(Subscribed(frame.id)))
            if frame.series:
                hub.show_digests(connection)
        case Unsubscribe():
            connection.subscriptions.remove(frame.id)
            if not len(connection.subscriptions):
                connection.outbox.forget_rows()
        case Authenticate():
            raise InputError("cannot authenticate again: this connection has an owner")


_SUMMARY = "Live rows, events and hosts (WebSocket)"
ROUTES = (
    Route("GET", "/ws/dashboard", live, _SUMMARY, Permission.METRICS_READ, is_live=True, is_scoped=True),
    Route("GET", "/ws/monitoring", live, _SUMMARY, Permission.METRICS_READ, is_live=True, is_scoped=True),
)
