"""Why a foreign sender is refused, before it is put into its protocol's own words.

The statuses differ from those for people and agents: many senders drop what was answered with 429 and some what was
answered with 500 or 507, so whatever may pass by itself is 503 with Retry-After.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from nagare.errors import (
    BodyTooLargeError,
    DeadlineExceededError,
    InputError,
    LimitExceededError,
    NagareError,
    RateLimitedError,
    StorageError,
    UnavailableError,
)
from nagare.server.problems import status_of

_RETRY_AFTER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal: HTTP status, one line of text, the line of the body at fault (0: none), and when to come back."""

    status: int
    text: str
    line: int = 0
    retry_after_seconds: int | None = None


# Puts a fault into the words of a protocol, in the type in which the request spoke.
ErrorForm = Callable[[web.Request, Fault], web.Response]


def fault_of(error: NagareError) -> Fault:
    """Return what a foreign sender is told of ``error``."""
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    if isinstance(error, UnavailableError | RateLimitedError | StorageError | DeadlineExceededError):
        seconds = getattr(error, "retry_after_seconds", None) or _RETRY_AFTER_SECONDS
        return Fault(503, text, retry_after_seconds=max(1, math.ceil(seconds)))
    if isinstance(error, LimitExceededError) and not isinstance(error, BodyTooLargeError):
        return Fault(400, text)
    line = 0
    if isinstance(error, InputError) and error.errors:
        line = error.errors[0].get("line", 0)
    return Fault(status_of(type(error)), text, line)


def http_fault(error: web.HTTPException) -> Fault:
    """Return what is told of an error of the router or the reader of bodies."""
    return Fault(error.status, error.reason.lower())


def bug_fault(request_id: str) -> Fault:
    """Return what is told of what should never happen."""
    return Fault(500, f"internal error; the server's log has the traceback under request id {request_id}")
