"""The OpenAPI document of every route there is, made from the route tables and the wire types."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from aiohttp import web

from nagare import __version__
from nagare.model.principal import Permission
from nagare.server.route import Call, Param, Route
from nagare.wire.codec import encode
from nagare.wire.problem import CONTENT_TYPE, Problem
from nagare.wire.schema import schema_components

_PARAM_TYPES = {"integer": {"type": "integer"}, "string": {"type": "string"}}


async def document(_call: Call) -> web.Response:
    """Return the document."""
    return web.Response(body=_encoded(), content_type="application/json")


@cache
def _encoded() -> bytes:
    from nagare.server.routes.table import ROUTES as ALL  # noqa: PLC0415  the table lists this module too

    return encode(make_document(ALL))


def make_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of ``routes``."""
    routes = list(routes)
    types = [kind for route in routes for kind in (route.request, route.reply) if kind is not None]
    schemas, components = schema_components([*types, Problem])
    schema_of = dict(zip(map(repr, types), schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, schemas[-1])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nagare", "version": __version__, "summary": "Samples in, SQL and live frames out"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schema_of: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__ + ("" if not route.is_live else route.path.replace("/", "_")),
        "summary": route.summary,
        "security": [] if route.is_public else [{"bearer": []}],
        "responses": {**_success(route, schema_of), "default": _failure(route, problem)},
    }
    if route.permission is not None:
        operation["x-permission"] = route.permission.value
    params = [*_path_params(route), *map(_query_param, route.params)]
    if params:
        operation["parameters"] = params
    if route.request is not None:
        body = {"application/json": {"schema": schema_of[repr(route.request)]}}
        operation["requestBody"] = {"required": True, "content": body}
    if route.consumes:
        raw = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(route.consumes, raw)}
    return operation


def _success(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    if route.is_live:
        return {"101": {"description": "The connection becomes a WebSocket"}}
    if route.success == 302:
        return {"302": {"description": "Where to go", "headers": {"Location": {"schema": {"type": "string"}}}}}
    if route.form is not None:
        return {str(route.success): {"description": "Stored"}}
    if route.reply is None and route.media == "application/json":
        return {"204": {"description": "Done"}} if route.method == "DELETE" else {"200": {"description": "A document"}}
    schema = {"type": "string"} if route.reply is None else schema_of[repr(route.reply)]
    return {"200": _content(route.media, schema, "The answer")}


def _failure(route: Route, problem: dict[str, Any]) -> dict[str, Any]:
    if route.form is not None:
        return {"description": "The error as the protocol tells it; 503 with Retry-After asks to send again"}
    return _content(CONTENT_TYPE, problem, "A problem document")


def _content(media: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, "content": {media: {"schema": schema}}}


def _path_params(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_param(param: Param) -> dict[str, Any]:
    return {"name": param.name, "in": "query", "description": param.text, "schema": _PARAM_TYPES[param.type]}


ROUTES = (Route("GET", "/api/v1/openapi.json", document, "This document", Permission.SYSTEM_READ),)
