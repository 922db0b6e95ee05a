"""``/ui``: logging in by a form, the pages, and the WebSocket behind the one with the terminal."""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import parse_qs

from aiohttp import WSMsgType, hdrs, web

from nagare.errors import InputError, NagareError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from nagare.identity.sessions.session import EndedBy
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.server.cookies import access_cookie, check_own_page, drop_cookies, set_cookies
from nagare.server.live.ending import CLOSE_SECONDS
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.routes.system import short_health
from nagare.server.services import PRINCIPAL
from nagare.server.ui.desk import Desk
from nagare.server.ui.desks import Door
from nagare.server.ui.html import HEADERS, Landing, html, landing_page, room_page, ui_form
from nagare.server.ui.page import Page
from nagare.server.ui.static_files import MEDIA, static_file
from nagare.wire.ui import DeskEnded, OpenDesk, decode_page_frame

_HTML, _FORM = "text/html", "application/x-www-form-urlencoded"
_FORM_LIMIT_BYTES = 16 * 1024
_HEARTBEAT_SECONDS = 20.0
_OPEN_SECONDS = 10.0
_FRAME_LIMIT_BYTES = 64 * 1024


class _Closed(Exception):  # noqa: N818  no error: the page went
    """The page closed the connection."""


async def landing(call: Call) -> web.Response:
    """Show how the server does, and to who is logged in the way on."""
    _check_enabled(call)
    services, user = call.services, await _user(call)
    settings, facts = services.settings.oidc, []
    if user is not None and user.may(Permission.HOSTS_READ) and user.scope_of(Permission.HOSTS_READ) is None:
        counts = services.fleet.count_by_state()
        facts.append(("Hosts", ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none yet"))
    arches = services.agent_files.offered()
    told = Landing(
        version=services.version,
        status=short_health(services).status,
        user="" if user is None else user.name,
        may_open=user is not None and user.may(Permission.UI_OPEN),
        facts=facts,
        by_password=settings.password_login,
        provider=services.oidc.name if settings.is_set else "",
        downloads=[
            ("install.sh, which makes a machine a host", "/install.sh"),
            *((f"The agent for {arch}", f"/api/v1/agent/bundle/{arch}") for arch in arches),
        ],
    )
    return html(landing_page(told))


async def login(call: Call) -> web.Response:
    """Open a session for what the form says, and go on."""
    _check_enabled(call)
    check_own_page(call.request)
    fields = _fields(call)
    call.note.tell(fields.get("user", ""), after={"method": "password", "page": True})
    if not call.services.settings.oidc.password_login:
        raise PermissionDeniedError("cannot log in by password: this server takes other logins only")
    opened = await call.services.identity.by_password.login(
        fields.get("user", ""),
        fields.get("password", ""),
        address=address_of(call.request),
        agent=call.request.headers.get(hdrs.USER_AGENT, ""),
    )
    # On record as the user that it now is.
    call.request[PRINCIPAL] = await call.services.identity.authenticate(opened.access)
    response = _see_landing()
    set_cookies(call.request, response, opened, call.services.clock.now_ms())
    return response


async def logout(call: Call) -> web.Response:
    """End the session of the browser, if it has one that lives, and with it its dashboards."""
    check_own_page(call.request)
    user = await _user(call)
    call.note.tell("no session" if user is None else user.session_id)
    if user is not None:
        call.request[PRINCIPAL] = user
        await call.services.identity.sessions.end(user.session_id, EndedBy.LOGOUT)
    response = _see_landing()
    drop_cookies(call.request, response)
    return response


async def room(call: Call) -> web.Response:
    """Show the page with the terminal to who may open the dashboard, else the landing page."""
    user = await _user(call)
    if user is None or not user.may(Permission.UI_OPEN):
        return await landing(call)
    _check_enabled(call)
    return room_page(secrets.token_urlsafe(16))


async def static(call: Call) -> web.Response:
    """Send one of the files that the pages load."""
    file = await asyncio.to_thread(static_file, call.path("file"))
    if file is None:
        raise NotFoundError("cannot find that file among those of the pages")
    is_packed = "gzip" in call.request.headers.get(hdrs.ACCEPT_ENCODING, "")
    headers = {hdrs.CONTENT_ENCODING: "gzip", hdrs.VARY: hdrs.ACCEPT_ENCODING} if is_packed else {}
    return web.Response(body=file.packed if is_packed else file.content, content_type=file.media, headers=headers)


async def room_socket(call: Call) -> web.WebSocketResponse:
    """Serve one page until it goes, or its dashboard ends."""
    _check_enabled(call)
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_FRAME_LIMIT_BYTES, compress=False, timeout=CLOSE_SECONDS
    )
    if not socket.can_prepare(call.request).ok:
        raise InputError("cannot show the dashboard: this is where its page connects")
    check_own_page(call.request)
    if call.principal.kind is not PrincipalKind.USER:
        raise PermissionDeniedError("cannot open a dashboard in a browser: only who has logged in has one")
    await socket.prepare(call.request)
    page = Page(call.request, socket)
    try:
        async with asyncio.TaskGroup() as tasks:
            closer = tasks.create_task(page.close_when_over(), name="ui.close")
            await _serve(call, socket, page)
            closer.cancel()
    except* (ConnectionError, _Closed):
        pass  # the page went while it was written to
    return socket


async def _serve(call: Call, socket: web.WebSocketResponse, page: Page) -> None:
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            wanted = await _wanted(socket)
        desks, address = call.services.desks, address_of(call.request)
        desk = await desks.open(page, call.principal, address, wanted, _door(call))
    except (NagareError, TimeoutError) as error:
        why = error.message if isinstance(error, NagareError) else "no word came from the page in time"
        page.end(DeskEnded(why, is_refused=True))
        # The closer says so, and reading ends with it.
        await socket.receive()
        return
    try:
        await _read(socket, desk)
    finally:
        desk.leave(page)


async def _wanted(socket: web.WebSocketResponse) -> OpenDesk:
    message = await socket.receive()
    if message.type is not WSMsgType.TEXT:
        raise _Closed
    frame = decode_page_frame(message.data)
    if not isinstance(frame, OpenDesk):
        raise InputError("cannot show the dashboard: the first frame must say how large the page is")
    return frame


async def _read(socket: web.WebSocketResponse, desk: Desk) -> None:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await desk.type(message.data)
        elif message.type is WSMsgType.TEXT:
            try:
                await desk.obey(decode_page_frame(message.data))
            except NagareError:
                return  # no page of ours says such a thing
        else:
            return


def _door(call: Call) -> Door:
    request, served = call.request, call.services.certificate
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if local is None:
        raise InputError("cannot show the dashboard: the connection has gone")
    host, port = local[0], local[1]
    url = f"{'https' if request.secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    return Door(url) if served is None else Door(url, served.current.pin, served.current.next_pins)


async def _user(call: Call) -> Principal | None:
    """Return who is logged in by the cookies of the browser, if anybody is."""
    cookie = access_cookie(call.request)
    if not cookie:
        return None
    try:
        found = await call.services.identity.authenticate(cookie)
    except UnauthenticatedError:
        return None
    return found if found.kind is PrincipalKind.USER else None


def _fields(call: Call) -> dict[str, str]:
    assert call.holding is not None
    raw = call.holding.body.raw
    if call.request.content_type != _FORM or len(raw) > _FORM_LIMIT_BYTES:
        raise InputError("cannot read the form")
    try:
        fields = parse_qs(raw.decode(), strict_parsing=True, max_num_fields=10)
    except ValueError as error:
        raise InputError("cannot read the form") from error
    return {name: values[0] for name, values in fields.items()}


def _see_landing() -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: "/ui", **HEADERS})


def _check_enabled(call: Call) -> None:
    if not call.services.settings.ui.enabled:
        raise NotFoundError("cannot show pages: they are switched off (ui.enabled)")


_REFUSES = (401, 404)
ROUTES = (
    Route("GET", "/ui", landing, "The start page for browsers", None, media=_HTML, form=ui_form, refuses=(404,)),
    Route(
        "POST", "/ui/login", login, "Log in by the form of the start page", None, media=_HTML, success=303,
        is_raw=True, consumes=(_FORM,), form=ui_form, action="auth.login", is_guess=True, refuses=_REFUSES,
    ),
    Route(
        "POST", "/ui/logout", logout, "Log out by the form of the start page", None, media=_HTML, success=303,
        form=ui_form, action="auth.logout", is_guess=True, refuses=_REFUSES,
    ),
    Route("GET", "/ui/room", room, "The page with the dashboard", None, media=_HTML, form=ui_form, refuses=(404,)),
    Route(
        "GET", "/ui/static/{file}", static, "What the pages load", None,
        media="text/javascript", other_media=tuple(dict.fromkeys(MEDIA.values())),
    ),
    Route(
        "GET", "/ui/ws", room_socket, "The dashboard of a page (WebSocket)", Permission.UI_OPEN,
        is_live=True, takes_ticket=False, is_scoped=True, refuses=(404,),
    ),
)  # fmt: skip
