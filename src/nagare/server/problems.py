"""Errors become problem documents (RFC 9457) here: the only place that knows both our errors and HTTP statuses."""

from __future__ import annotations

import math

from aiohttp import web

from nagare.errors import (
    BodyTooLargeError,
    CardinalityError,
    ConfigError,
    ConflictError,
    DeadlineExceededError,
    DiskFullError,
    InputError,
    LimitExceededError,
    NagareError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ReadOnlyError,
    ResultTooLargeError,
    StaleVersionError,
    StorageError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaError,
)
from nagare.wire.codec import encode
from nagare.wire.problem import CONTENT_TYPE, Problem

# A subclass without an entry has the status of its nearest parent.
STATUS_BY_ERROR: dict[type[NagareError], int] = {
    NagareError: 500,
    ConfigError: 500,
    InputError: 400,
    UnsupportedMediaError: 415,
    UnauthenticatedError: 401,
    PermissionDeniedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    StaleVersionError: 412,
    LimitExceededError: 413,
    CardinalityError: 422,
    RateLimitedError: 429,
    BodyTooLargeError: 413,
    ResultTooLargeError: 422,
    UnavailableError: 503,
    DeadlineExceededError: 504,
    StorageError: 500,
    DiskFullError: 507,
    ReadOnlyError: 507,
}
_RETRY_AFTER_SECONDS = 1.0
_TEXT_LIMIT = 2000
_ERRORS_LIMIT = 100
_CODE_BY_STATUS = {
    400: "request-malformed",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
    417: "expectation-failed",
}


def status_of(error_type: type[NagareError]) -> int:
    """Return the HTTP status of an error class."""
    return next(STATUS_BY_ERROR[kind] for kind in error_type.__mro__ if kind in STATUS_BY_ERROR)


def problem_of(error: NagareError, request_id: str) -> Problem:
    """Return the document that tells ``error``."""
    return _problem(
        status_of(type(error)),
        error.code,
        detail=error.message[:_TEXT_LIMIT],
        hint=error.hint[:_TEXT_LIMIT],
        request_id=request_id,
        errors=error.errors[:_ERRORS_LIMIT] if isinstance(error, InputError) else [],
    )


def error_response(error: NagareError, request_id: str) -> web.Response:
    """Return the answer for ``error``, with the headers that its status asks for."""
    response = _response(problem_of(error, request_id))
    if isinstance(error, UnauthenticatedError):
        response.headers["WWW-Authenticate"] = 'Bearer realm="nagare"'
    if isinstance(error, RateLimitedError | UnavailableError):
        seconds = error.retry_after_seconds if error.retry_after_seconds is not None else _RETRY_AFTER_SECONDS
        response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return response


def http_response(error: web.HTTPException, request_id: str) -> web.Response:
    """Return the answer for an error that the router itself raised."""
    status = error.status
    response = _response(_problem(status, _CODE_BY_STATUS.get(status, "http-error"), request_id=request_id))
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def bug_response(request_id: str) -> web.Response:
    """Return the answer for what should never happen: no detail, only the id that the log has too."""
    hint = "the server's log has the traceback under this request id"
    return _response(_problem(500, "internal-error", hint=hint, request_id=request_id))


def _problem(
    status: int,
    code: str,
    *,
    request_id: str,
    detail: str = "",
    hint: str = "",
    errors: list[dict[str, object]] | None = None,
) -> Problem:
    return Problem(
        type=f"problems#{code}",
        title=code.replace("-", " "),
        status=status,
        detail=detail,
        instance=request_id,
        code=code,
        hint=hint,
        errors=errors or [],
    )


def _response(problem: Problem) -> web.Response:
    return web.Response(status=problem.status, body=encode(problem), content_type=CONTENT_TYPE)
