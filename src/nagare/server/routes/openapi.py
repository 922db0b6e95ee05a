"""The OpenAPI document of every route there is, made from the route tables and the wire types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from aiohttp import web

from nagare import __version__
from nagare.interop.otlp.messages import JSON, PROTOBUF
from nagare.model.principal import Permission
from nagare.server.ack_page import page_form
from nagare.server.foreign.fault import ErrorForm
from nagare.server.foreign.forms import influx_form, otlp_form, plain_form
from nagare.server.route import Call, Param, Route
from nagare.server.statuses import TEXTS, refusals_of
from nagare.server.ui.html import ui_form
from nagare.wire.codec import encode
from nagare.wire.problem import CONTENT_TYPE, Problem
from nagare.wire.schema import schema_components

_PARAM_TYPES: dict[str, dict[str, Any]] = {name: {"type": name} for name in ("boolean", "integer", "string")}
_TEXT_HEADER = {"required": True, "schema": {"type": "string"}}
_SECONDS_HEADER = {"required": True, "schema": {"type": "integer", "minimum": 1}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": _TEXT_HEADER},
    429: {"Retry-After": _SECONDS_HEADER},
    503: {"Retry-After": _SECONDS_HEADER},
}
_FORM_MEDIA: dict[ErrorForm, tuple[str, ...]] = {
    plain_form: ("text/plain",),
    page_form: ("text/html",),
    ui_form: ("text/html",),
    influx_form: ("application/json",),
    otlp_form: (PROTOBUF, JSON),
}


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
    types = [kind for route in routes for kind in (route.request, *_replies(route)) if kind is not None]
    schemas, components = schema_components([*types, Problem])
    schema_of = dict(zip(map(repr, types), schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nagare", "version": __version__, "summary": "Samples in, SQL and live frames out"},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {str(status): _problem(status, schemas[-1]) for status in TEXTS},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    refusals = {str(status): _refusal(route, status) for status in refusals_of(route)}
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "security": [] if route.is_public else [{"bearer": []}],
        "responses": {**_success(route, schema_of), **refusals},
    }
    if route.permission is not None:
        operation["x-permission"] = route.permission.value
    params = [*_path_params(route), *map(_query_param, route.params)]
    if params:
        operation["parameters"] = params
    raw = {"schema": {"type": "string", "format": "binary"}}
    if route.request is not None:
        body = {"application/json": {"schema": schema_of[repr(route.request)]}} | dict.fromkeys(
            route.other_consumes, raw
        )
        operation["requestBody"] = {"required": not route.is_body_optional, "content": body}
    if route.consumes:
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(route.consumes, raw)}
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix("/api"))
    return "_".join([route.method.lower(), *words])


def _success(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    if route.is_live:
        return {"101": {"description": "The connection becomes a WebSocket"}}
    if route.success in (302, 303):
        return {
            str(route.success): {"description": "Where to go", "headers": {"Location": {"schema": {"type": "string"}}}}
        }
    if route.reply is None and (route.success == 204 or route.method == "DELETE"):
        return {"204": {"description": "Done"}}
    schemas = [schema_of[repr(reply)] for reply in _replies(route)]
    schema = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}} if schemas else {}
    content = dict.fromkeys((route.media, *route.other_media), schema)
    found: dict[str, Any] = {str(route.success): {"description": "The answer", "content": content}}
    if route.is_file:
        found["206"] = {"description": "The part that Range asked for", "content": content}
        found["416"] = {"description": "No such part"}
    return found


def _replies(route: Route) -> tuple[Any, ...]:
    if isinstance(route.reply, tuple):
        return route.reply
    return () if route.reply is None else (route.reply,)


def _refusal(route: Route, status: int) -> dict[str, Any]:
    if route.form is None:
        return {"$ref": f"#/components/responses/{status}"}
    content: dict[str, Any] = {media: {} for media in _FORM_MEDIA[route.form]}
    return {"description": TEXTS[status], "headers": _HEADERS.get(status, {}), "content": content}


def _problem(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    headers = _HEADERS.get(status, {})
    return {"description": TEXTS[status], "headers": headers, "content": {CONTENT_TYPE: {"schema": schema}}}


def _path_params(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query_param(param: Param) -> dict[str, Any]:
    return {"name": param.name, "in": "query", "description": param.text, "schema": _PARAM_TYPES[param.type]}


ROUTES = (
    Route("GET", "/api/v1/openapi.json", document, "This document", Permission.SYSTEM_READ, reply=dict[str, Any]),
)
