import pytest
from aiohttp import web

from nagare.errors import (
    BodyTooLargeError,
    InputError,
    LockedError,
    NagareError,
    NotReadyError,
    OverloadedError,
    RateLimitedError,
    StorageError,
    UnauthenticatedError,
)
from nagare.server.problems import bug_response, error_response, http_response, problem_of, status_of


class _NewError(StorageError):
    """A kind that nobody mapped."""


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InputError, 400),
        (LockedError, 409),
        (BodyTooLargeError, 413),
        (NotReadyError, 503),
        (_NewError, 500),
        (NagareError, 500),
    ],
)
def test_statuses(kind: type[NagareError], status: int) -> None:
    assert status_of(kind) == status


def test_the_document_tells_what_where_and_the_way_out() -> None:
    error = InputError("cannot read x: it is y", hint="send z", errors=[{"pointer": "#/x", "detail": "y"}])
    problem = problem_of(error, "id-1")
    assert (problem.status, problem.code, problem.type) == (400, "input-invalid", "problems#input-invalid")
    assert (problem.detail, problem.hint, problem.instance) == ("cannot read x: it is y", "send z", "id-1")
    assert problem.errors == [{"pointer": "#/x", "detail": "y"}]


def test_long_texts_and_lists_are_cut() -> None:
    problem = problem_of(InputError("x" * 10_000, errors=[{"detail": "y"}] * 1000), "")
    assert len(problem.detail) == 2000
    assert len(problem.errors) == 100


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (OverloadedError("busy"), "1"),
        (OverloadedError("busy", retry_after_seconds=2.2), "3"),
        (RateLimitedError("slow down", retry_after_seconds=0.1), "1"),
    ],
)
def test_retry_after(error: NagareError, seconds: str) -> None:
    assert error_response(error, "").headers["Retry-After"] == seconds


def test_a_401_says_how_to_authenticate() -> None:
    assert error_response(UnauthenticatedError("no"), "").headers["WWW-Authenticate"].startswith("Bearer")


def test_the_routers_own_errors_become_problems() -> None:
    response = http_response(web.HTTPMethodNotAllowed("PUT", ["GET", "POST"]), "id-1")
    assert (response.status, response.content_type) == (405, "application/problem+json")
    assert response.headers["Allow"] == "GET,POST"
    assert http_response(web.HTTPGone(), "id").status == 410


def test_a_bug_tells_nothing_but_its_id() -> None:
    response = bug_response("id-1")
    assert response.status == 500
    assert isinstance(response.body, bytes)
    assert b"id-1" in response.body
    assert b"detail" not in response.body
