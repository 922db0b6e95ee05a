"""Which statuses a route may answer with, so that every answer that any test here gets is held to the document."""

import re

from nagare.server.route import Route
from nagare.server.routes.table import ROUTES
from nagare.server.statuses import refusals_of

_ROUTES = [
    (re.compile(re.sub(r"{\w+}", "[^/]+", re.escape(route.path).replace(r"\{", "{").replace(r"\}", "}"))), route)
    for route in ROUTES
]

_PARTS = {False: frozenset[int](), True: frozenset({206, 416})}


def check_declared(method: str, path: str, status: int) -> None:
    """Fail when a route answers what the OpenAPI document does not tell of it."""
    route = _find(method, path.partition("?")[0])
    if route is not None:
        assert status in {_success(route), *_PARTS[route.is_file], *refusals_of(route)}, (
            f"{method} {path}: {status} is not in the document"
        )


def _find(method: str, path: str) -> Route | None:
    wanted = "GET" if method == "HEAD" else method
    return next((route for pattern, route in _ROUTES if route.method == wanted and pattern.fullmatch(path)), None)


def _success(route: Route) -> int:
    if route.is_live:
        return 101
    return 204 if route.method == "DELETE" and route.reply is None else route.success
