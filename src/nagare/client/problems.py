"""Problem documents made into our exceptions again, so that a caller never sees how far away the fault was.

Foreign answers (a proxy's error page, another service on the port) are told by status; their text is never shown raw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from nagare.errors import (
    BodyTooLargeError,
    ConflictError,
    DeadlineExceededError,
    DiskFullError,
    InputError,
    NagareError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitedError,
    StaleVersionError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaError,
)
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.wire.codec import decode
from nagare.wire.problem import CONTENT_TYPE, Problem

# What a sender waits when the server limits it without saying for how long.
_DEFAULT_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 3600.0

_BY_STATUS: Mapping[int, type[NagareError]] = {
    400: InputError,
    401: UnauthenticatedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: NotFoundError,
    409: ConflictError,
    412: StaleVersionError,
    413: BodyTooLargeError,
    415: UnsupportedMediaError,
    422: InputError,
    429: RateLimitedError,
    503: OverloadedError,
    504: DeadlineExceededError,
    507: DiskFullError,
}


def problem_of(answer: Answer, request: str, clock: Clock) -> NagareError:
    """Return what the refused ``answer`` to ``request`` (method and path) stands for."""
    retry_after = parse_retry_after(answer.headers.get("retry-after", ""), clock)
    problem = _find_problem(answer)
    if problem is not None:
        return error_of(problem, request=request, retry_after=retry_after)
    message = f"cannot {request}: the server answered {answer.status}{_phrase(answer.status)}"
    return make_error(_class_of_status(answer.status), message, retry_after=retry_after)


def error_of(problem: Problem, *, request: str = "go on", retry_after: float | None = None) -> NagareError:
    """Return the exception that ``problem`` was made from; an unknown code falls back to its status.

    ``request`` is told when the problem has no detail: a bug of the server's, which keeps it in its log.
    """
    kind = find_class(problem.code) or _class_of_status(problem.status)
    message = problem.detail or f"cannot {request}: the server answered {problem.status} {problem.title}".rstrip()
    error = make_error(kind, message, hint=problem.hint, retry_after=retry_after)
    if isinstance(error, InputError):
        error.errors = problem.errors
    error.context = {"instance": problem.instance, "status": problem.status}
    return error


def find_class(code: str) -> type[NagareError] | None:
    """Return the exception class of ``code``, or None; the tree itself is the map."""
    return next((kind for kind in _walk(NagareError) if kind.code == code), None)


def make_error(
    kind: type[NagareError], message: str, *, hint: str = "", retry_after: float | None = None
) -> NagareError:
    """Build ``kind``, whose constructor may ask for a delay."""
    if issubclass(kind, RateLimitedError):
        return kind(
            message, hint=hint, retry_after_seconds=_DEFAULT_RETRY_SECONDS if retry_after is None else retry_after
        )
    error = kind(message, hint=hint)
    if isinstance(error, UnavailableError):
        error.retry_after_seconds = retry_after
    return error


def parse_retry_after(text: str, clock: Clock) -> float | None:
    """Return the seconds of a ``Retry-After`` header, a number or a date, capped at an hour; None when it says nothing."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        at = _parse_date(text)
        if at is None:
            return None
        seconds = (at - clock.now()).total_seconds()
    # Comparisons with NaN are false, so it ends as zero here.
    return min(seconds, _LONGEST_RETRY_SECONDS) if seconds > 0 else 0.0


def _parse_date(text: str) -> datetime | None:
    # Our server sends numbers; an agent that never meets a date need not carry the mail package.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  see above

    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _find_problem(answer: Answer) -> Problem | None:
    if not answer.headers.get("content-type", "").startswith(CONTENT_TYPE):
        return None
    try:
        return decode(answer.body, Problem)
    except InputError:
        return None


def _class_of_status(status: int) -> type[NagareError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return InputError
    # A redirect is not followed, and 500 may be better the next time.
    return UnavailableError if status != HTTPStatus.INTERNAL_SERVER_ERROR else NagareError


def _phrase(status: int) -> str:
    try:
        return f" {plain(HTTPStatus(status).phrase).lower()}"
    except ValueError:
        return ""


def _walk(kind: type[NagareError]) -> Iterator[type[NagareError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _walk(child)
