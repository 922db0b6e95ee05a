"""The words of each protocol for a refusal."""

from __future__ import annotations

from aiohttp import web

from nagare.interop.otlp.messages import JSON, PROTOBUF, write_status
from nagare.server.foreign.fault import Fault
from nagare.wire.codec import encode

# Canonical codes of google.rpc, by HTTP status.
_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 500: 13, 503: 14}
_RPC_UNKNOWN = 2
_INFLUX_CODES = {400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not found", 413: "request too large",
                 415: "invalid", 500: "internal error", 503: "unavailable"}  # fmt: skip


def plain_form(_request: web.Request, fault: Fault) -> web.Response:
    """Return a line of text, which Prometheus and vmagent write into their logs."""
    return with_headers(web.Response(status=fault.status, text=f"{fault.text}\n"), fault)


def otlp_form(request: web.Request, fault: Fault) -> web.Response:
    """Return a Status message in the type of the request."""
    media = JSON if request.content_type == JSON else PROTOBUF
    body = write_status(media, _RPC_CODES.get(fault.status, _RPC_UNKNOWN), fault.text)
    return with_headers(web.Response(status=fault.status, body=body, content_type=media), fault)


def influx_form(_request: web.Request, fault: Fault) -> web.Response:
    """Return the JSON that both versions of InfluxDB's clients read: ``error`` for the first, the rest for the second."""
    said: dict[str, str | int] = {
        "error": fault.text,
        "code": _INFLUX_CODES.get(fault.status, "invalid"),
        "message": fault.text,
    }
    if fault.line:
        said["line"] = fault.line
    response = web.Response(status=fault.status, body=encode(said), content_type="application/json")
    # Telegraf looks here before it reads the body.
    response.headers["X-Influxdb-Error"] = fault.text.encode("ascii", "replace").decode()[:500]
    return with_headers(response, fault)


def with_headers(response: web.Response, fault: Fault) -> web.Response:
    """Return ``response`` with what its status asks for beside it."""
    if fault.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(fault.retry_after_seconds)
    if fault.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="nagare"'
    return response
