"""The web application: middlewares and routes put together from their tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from nagare.server.bodies import check_json, no_early_continue
from nagare.server.middleware.authentication import make_authentication
from nagare.server.middleware.gate import make_gate
from nagare.server.middleware.problems import problems
from nagare.server.route import Call, Route
from nagare.server.routes.table import ROUTES
from nagare.server.services import ANONYMOUS, PRINCIPAL, SERVICES, Services
from nagare.wire.codec import encode

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(services: Services, routes: Iterable[Route] = ROUTES) -> web.Application:
    """Return the application that answers with ``services``."""
    handlers = [(route, _web_handler(route)) for route in routes]
    route_by_handler: dict[Any, Route] = {handler: route for route, handler in handlers}
    gate = make_gate(services.settings.server, services.listen)
    app = web.Application(
        middlewares=[problems, gate, make_authentication(route_by_handler)],
        client_max_size=services.settings.server.body_limit_bytes,
    )
    app[SERVICES] = services
    for route, handler in handlers:
        app.router.add_route(route.method, route.path, handler, expect_handler=no_early_continue)
        if route.method == "GET" and not route.is_live:
            app.router.add_route("HEAD", route.path, handler, expect_handler=no_early_continue)
    return app


def _web_handler(route: Route) -> WebHandler:
    async def answer(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        call = Call(request, services, request.get(PRINCIPAL, ANONYMOUS))
        if route.request is None and not route.is_raw:
            return _response(route, await _run(route, call))
        async with services.bodies.taken(request) as holding:
            call.holding = holding
            if not route.is_raw:
                check_json(request)
                call.value = await services.bodies.decode(holding, route.request)
            return _response(route, await _run(route, call))

    return answer


async def _run(route: Route, call: Call) -> Any:
    if route.finishes:
        return await call.services.finisher.finish(_awaited(route, call))
    return await route.handler(call)


async def _awaited(route: Route, call: Call) -> Any:
    return await route.handler(call)


def _response(route: Route, value: Any) -> web.StreamResponse:
    if isinstance(value, web.StreamResponse):
        return value
    if value is None:
        return web.Response(status=204)
    return web.Response(body=encode(value), content_type=route.media)
