"""The web application: middlewares and routes put together from their tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from aiohttp import web

from nagare.model.principal import Permission
from nagare.server.answers import Answers
from nagare.server.audited import SECRET_PATHS, is_audited, run_audited
from nagare.server.bodies import check_media, no_early_continue
from nagare.server.hot.connection import HotConnection
from nagare.server.middleware.admission import make_admission
from nagare.server.middleware.authentication import make_authentication
from nagare.server.middleware.gate import make_gate
from nagare.server.middleware.problems import make_problems, stamp
from nagare.server.middleware.refusals import make_refusals
from nagare.server.route import Call, Route
from nagare.server.routes.table import ROUTES
from nagare.server.services import ANONYMOUS, PRINCIPAL, SERVICES, Services
from nagare.wire.batch import JSON

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(services: Services, routes: Iterable[Route] = ROUTES) -> web.Application:
    """Return the application that answers with ``services``."""
    answers = Answers(services.bodies)
    handlers = [(route, _web_handler(route, answers)) for route in routes]
    route_by_handler: dict[Any, Route] = {handler: route for route, handler in handlers}
    gate = make_gate(services.settings.server, services.listen, services.certificate)
    app = web.Application(
        middlewares=[
            make_problems(services.clock, route_by_handler),
            make_admission(services.crowd),
            make_refusals(route_by_handler),
            gate,
            make_authentication(route_by_handler),
        ],
        client_max_size=services.settings.server.body_limit_bytes,
    )
    app[SERVICES] = services
    app[SECRET_PATHS] = list(dict.fromkeys(route.path for route, _ in handlers if route.has_secret_path))
    app.on_response_prepare.append(stamp)
    for route, handler in handlers:
        app.router.add_route(route.method, route.path, handler, expect_handler=no_early_continue)
        if route.method == "GET" and not route.is_live:
            app.router.add_route("HEAD", route.path, handler, expect_handler=no_early_continue)
    return app


def _web_handler(route: Route, answers: Answers) -> WebHandler:
    async def answer(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        call = Call(request, services, request.get(PRINCIPAL, ANONYMOUS))
        if route.permission is Permission.METRICS_WRITE:
            services.limits.check(call.principal)
        if route.request is None and not route.is_raw:
            return await _response(call, route, answers)
        async with services.bodies.taken(request) as holding:
            call.holding = holding
            if route.is_body_optional and not holding.body.raw:
                call.value = route.request()
            elif not route.is_raw:
                check_media(request, JSON)
                call.value = await services.bodies.decode(holding, route.request)
            response = await _response(call, route, answers)
        if route.hot is not None and response.status < 300 and isinstance(request.protocol, HotConnection):
            request.protocol.learn(route.hot, request, call.principal)
        return response

    return answer


async def _run(route: Route, call: Call) -> Any:
    if is_audited(route, call):
        return await call.services.finisher.finish(run_audited(route, call, partial(_awaited, route, call)))
    if route.finishes:
        return await call.services.finisher.finish(_awaited(route, call))
    return await route.handler(call)


async def _awaited(route: Route, call: Call) -> Any:
    return await route.handler(call)


async def _response(call: Call, route: Route, answers: Answers) -> web.StreamResponse:
    value = await _run(route, call)
    if isinstance(value, web.StreamResponse):
        return value
    if value is None:
        return web.Response(status=204)
    return await answers.send(call.request, await answers.pack(value), route.media)
