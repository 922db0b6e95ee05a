"""The connection of an agent: signed commands go out on it, and what becomes of them comes back.

A token alone opens none: the host's key signs each connection, so that who copied a token reads no secret and reports no end.
"""

from __future__ import annotations

import asyncio

from aiohttp import WSCloseCode, WSMsgType, web

from nagare.commands.agents import AgentLink
from nagare.errors import ConflictError, NagareError, PermissionDeniedError, UnauthenticatedError
from nagare.keys.signing import is_signed
from nagare.model.host import Enrolment, Host
from nagare.model.principal import Permission
from nagare.server.live.ending import CLOSE_SECONDS, close_reason, cut
from nagare.server.params import whole_number
from nagare.server.route import Call, Route
from nagare.wire.commands import FRAME_LIMIT_BYTES, decode_from_agent
from nagare.wire.signature import HEADER, SIGNED_AT, signed_link

_HEARTBEAT_SECONDS = 20.0
# Between the clocks of two machines that keep time; a host that is further off takes no command either.
_SKEW_MS = 60_000


async def agent_link(call: Call) -> web.WebSocketResponse:
    """Serve one agent until either side ends it."""
    host = _proven_host(call)
    commands = call.services.commands
    owes_results = "commands" not in host.capabilities and await commands.may_owe_results(host.id)
    # Looked at anew: what changed while the records were read told a connection that was none yet.
    host = call.services.fleet.get(host.name)
    may_take = "commands" in host.capabilities
    if host.enrolment is not Enrolment.ACTIVE or not (may_take or owes_results):
        raise _not_given(host)
    link = commands.join(host.id, host.name, call.principal.id, may_take=may_take)
    try:
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_SECONDS, max_msg_size=FRAME_LIMIT_BYTES, compress=False, timeout=CLOSE_SECONDS
        )
        await socket.prepare(call.request)
        await _serve(call, socket, link)
        return socket
    finally:
        commands.agents.leave(link)


def _not_given(host: Host) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"cannot give commands to host {host.name!r}: it was not given the capability commands",
        hint=f"an operator gives it: nagare hosts accept {host.name} --allow commands",
    )


def _proven_host(call: Call) -> Host:
    if call.principal.host is None:
        if not call.principal.id:
            raise UnauthenticatedError("cannot connect an agent without the token of its host")
        raise PermissionDeniedError("cannot connect an agent: this token belongs to no host")
    host = call.services.fleet.get(call.principal.host)
    if host.enrolment is not Enrolment.ACTIVE:
        raise _not_given(host)
    signed_at_ms = whole_number(call.request.headers, SIGNED_AT, "connect an agent", 0) or 0
    # Not 401, by which an agent would take its token for one that ended.
    if abs(call.services.clock.now_ms() - signed_at_ms) > _SKEW_MS:
        raise ConflictError(
            f"cannot connect the agent of host {host.name!r}: what it signed is not of now",
            hint="look at the clocks of the server and of the host",
        )
    signature, path = call.request.headers.get(HEADER, ""), call.request.path
    if host.public_key is None or not is_signed(host.public_key, signature, signed_link(path, host.name, signed_at_ms)):
        raise UnauthenticatedError(
            f"cannot connect the agent of host {host.name!r}: its {HEADER} does not match its key"
        )
    if not call.services.commands.agents.take_signature(host.id, signed_at_ms):
        raise ConflictError(
            f"cannot connect the agent of host {host.name!r}: what it signed was used already, or is older than that"
        )
    return host


async def _serve(call: Call, socket: web.WebSocketResponse, link: AgentLink) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(_write(socket, link), name="agent_link.write")
            cutter = tasks.create_task(cut(call.request, link.ended), name="agent_link.cut")
            await _read(call, socket, link)
            writer.cancel()
            cutter.cancel()
    except* ConnectionError:
        pass  # the agent went while something was written to it


async def _write(socket: web.WebSocketResponse, link: AgentLink) -> None:
    while (frame := await link.take()) is not None:
        await socket.send_frame(frame, WSMsgType.TEXT)
    is_stopping = link.closing == "server is stopping"
    code = WSCloseCode.GOING_AWAY if is_stopping else WSCloseCode.POLICY_VIOLATION
    await socket.close(code=code, message=close_reason(link.closing))


async def _read(call: Call, socket: web.WebSocketResponse, link: AgentLink) -> None:
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            link.end("frames are JSON texts")
            continue
        if link.closing:
            # What an agent says whose grant was taken, or that has a newer connection, counts for nothing.
            continue
        try:
            await call.services.commands.hear(link, decode_from_agent(message.data))
        except NagareError as error:
            # Not acknowledged, so it comes again on the next connection.
            call.services.commands.counters.add("frames_failed")
            link.end(error.message)


ROUTES = (
    Route(
        "GET", "/ws/agent", agent_link, "Commands to a host's agent, and what becomes of them (WebSocket)",
        Permission.COMMANDS_TAKE, is_live=True, takes_ticket=False, refuses=(404, 409),
    ),
)  # fmt: skip
