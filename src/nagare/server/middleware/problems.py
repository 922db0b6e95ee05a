"""Gives every request an id and turns whatever a handler raises into a problem document.

One of the three places where ``except Exception`` may stand.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.server.audited import told_path
from nagare.server.foreign.fault import ErrorForm, bug_fault, fault_of, http_fault
from nagare.server.middleware.cors import let_read
from nagare.server.middleware.seldom import Seldom
from nagare.server.problems import bug_response, error_response, http_response, status_of
from nagare.server.route import Route
from nagare.server.services import REQUEST_ID, SERVICES
from nagare.server.stamps import STAMPS

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
_LAWFUL = re.compile(r"[A-Za-z0-9._-]{8,64}")


def make_problems(clock: Clock, route_by_handler: Mapping[Any, Route]) -> Middleware:
    """Return the middleware that tells every error, in a problem document or the form of a foreign protocol.

    An unknown error tells only its id.
    """
    seldom = Seldom(clock)

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request[REQUEST_ID] = _request_id(request)
        services = request.app[SERVICES]
        services.counters.add("requests")
        try:
            response = await handler(request)
        except NagareError as error:
            if status_of(type(error)) >= 500:
                _log(seldom, _path(request, route_by_handler), request_id, error)
            form = _form(request, route_by_handler)
            response = form(request, fault_of(error)) if form else error_response(error, request_id)
        except web.HTTPException as error:
            form = _form(request, route_by_handler)
            response = form(request, http_fault(error)) if form else http_response(error, request_id)
        except Exception:
            log.exception(
                "request_broke id=%s method=%s path=%s", request_id, request.method, _path(request, route_by_handler)
            )
            form = _form(request, route_by_handler)
            response = form(request, bug_fault(request_id)) if form else bug_response(request_id)
        services.counters.add(f"responses_{response.status // 100}xx")
        if response.status == 413 and not response.prepared:
            response.force_close()  # the rest of the body is still coming: reading it is not worth the line
        return response

    return problems


def _form(request: web.Request, route_by_handler: Mapping[Any, Route]) -> ErrorForm | None:
    route = route_by_handler.get(request.match_info.handler)
    return None if route is None else route.form


def _path(request: web.Request, route_by_handler: Mapping[Any, Route]) -> str:
    return told_path(request, route_by_handler.get(request.match_info.handler))


async def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer its request id and what keeps browsers from guessing and keeping it."""
    response.headers[HEADER] = request.get(REQUEST_ID, "")
    let_read(request, response)
    policy = response.headers.get("Content-Security-Policy")
    response.headers.update(STAMPS)
    if policy is not None:
        response.headers["Content-Security-Policy"] = policy


def _log(seldom: Seldom, path: str, request_id: str, error: NagareError) -> None:
    unsaid = seldom.ask(error.code)
    if unsaid is None:
        return
    more = f" ({unsaid} more such before)" if unsaid else ""
    log.warning("request_failed id=%s path=%s code=%s: %s%s", request_id, path, error.code, error.message, more)


def _request_id(request: web.Request) -> str:
    sent = request.headers.get(HEADER, "")
    return sent if _LAWFUL.fullmatch(sent) else uuid.uuid4().hex
