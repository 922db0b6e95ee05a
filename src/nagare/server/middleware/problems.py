"""Gives every request an id and turns whatever a handler raises into a problem document.

One of the three places where ``except Exception`` may stand.
"""

from __future__ import annotations

import logging
import re
import uuid

from aiohttp import web
from aiohttp.typedefs import Handler

from nagare.errors import NagareError
from nagare.server.problems import bug_response, error_response, http_response, status_of
from nagare.server.services import REQUEST_ID, SERVICES

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
_LAWFUL = re.compile(r"[A-Za-z0-9._-]{8,64}")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem document for every error; an unknown one says nothing but its request id."""
    request_id = request[REQUEST_ID] = _request_id(request)
    services = request.app[SERVICES]
    services.counters.add("requests")
    try:
        response = await handler(request)
    except NagareError as error:
        if status_of(type(error)) >= 500:
            log.warning("request_failed id=%s path=%s code=%s: %s", request_id, request.path, error.code, error.message)
        response = error_response(error, request_id)
    except web.HTTPException as error:
        response = http_response(error, request_id)
    except Exception:
        log.exception("request_broke id=%s method=%s path=%s", request_id, request.method, request.path)
        response = bug_response(request_id)
    services.counters.add(f"responses_{response.status // 100}xx")
    if not response.prepared:
        response.headers[HEADER] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Server"] = "nagare"
        if response.status == 413:
            response.force_close()  # the rest of the body is still coming: reading it is not worth the line
    return response


def _request_id(request: web.Request) -> str:
    sent = request.headers.get(HEADER, "")
    return sent if _LAWFUL.fullmatch(sent) else uuid.uuid4().hex
