"""Every error of ours survives the way through the server's problem document and back."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from nagare.client.problems import error_of, make_error, parse_retry_after, problem_of
from nagare.errors import (
    ConnectFailedError,
    DeadlineExceededError,
    DiskFullError,
    InputError,
    NagareError,
    NotFoundError,
    OverloadedError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from nagare.lib.clock import ManualClock
from nagare.net.answer import Answer
from nagare.server.problems import bug_response, error_response
from nagare.wire.problem import Problem


def _walk(kind: type[NagareError]) -> Iterator[type[NagareError]]:
    if kind.__module__ == "nagare.errors":
        yield kind
    for child in kind.__subclasses__():
        yield from _walk(child)


ERRORS = sorted(set(_walk(NagareError)), key=lambda kind: kind.__name__)


def _answer(response: web.Response) -> Answer:
    assert isinstance(response.body, bytes)
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, response.body)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_comes_back_as_what_it_was(kind: type[NagareError]) -> None:
    sent = make_error(kind, "cannot open lid 7: it is stuck", hint="pull harder", retry_after=7.0)
    if isinstance(sent, InputError):
        sent.errors = [{"pointer": "#/lid", "detail": "stuck"}]
    received = problem_of(_answer(error_response(sent, "req-1")), "GET /lid", ManualClock())
    assert type(received) is kind
    assert (received.message, received.hint) == (sent.message, sent.hint)
    assert received.context["instance"] == "req-1"
    if isinstance(sent, InputError):
        assert isinstance(received, InputError)
        assert received.errors == sent.errors
    if isinstance(sent, RateLimitedError | UnavailableError):
        assert isinstance(received, RateLimitedError | UnavailableError)
        assert received.retry_after_seconds == 7.0


def test_a_bug_of_the_server_is_told_with_its_request_id() -> None:
    received = problem_of(_answer(bug_response("req-2")), "GET /x", ManualClock())
    assert type(received) is NagareError
    assert received.message == "cannot GET /x: the server answered 500 internal error"
    assert received.context["instance"] == "req-2"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UnavailableError),
        (400, InputError),
        (401, UnauthenticatedError),
        (404, NotFoundError),
        (418, InputError),
        (429, RateLimitedError),
        (500, NagareError),
        (502, UnavailableError),
        (503, OverloadedError),
        (504, DeadlineExceededError),
        (507, DiskFullError),
        (599, UnavailableError),
    ],
)
def test_a_foreign_answer_is_told_by_its_status_and_its_text_is_not_shown(status: int, kind: type[NagareError]) -> None:
    answer = Answer(status, {"content-type": "text/html"}, b"<h1>\x1b[2J proxy says no</h1>")
    error = problem_of(answer, "GET /api", ManualClock())
    assert type(error) is kind
    assert error.message.startswith(f"cannot GET /api: the server answered {status}")
    assert "proxy" not in error.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type": 1}'])
def test_a_damaged_problem_document_falls_back_to_the_status(body: bytes) -> None:
    answer = Answer(404, {"content-type": "application/problem+json; charset=utf-8"}, body)
    assert type(problem_of(answer, "GET /api", ManualClock())) is NotFoundError


def test_an_unknown_code_of_a_newer_server_falls_back_to_the_status() -> None:
    error = error_of(Problem(type="x", title="tea only", status=503, code="teapot-empty", detail="cannot brew: empty"))
    assert type(error) is OverloadedError
    assert error.message == "cannot brew: empty"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("5", 5.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 3600.0),
        ("99999999", 3600.0),
        # The manual clock stands at 2025-10-09T08:53:20Z.
        ("Thu, 09 Oct 2025 08:53:50 GMT", 30.0),
        ("Thu, 09 Oct 2025 08:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_bounded(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, ManualClock()) == seconds


def test_limits_without_a_delay_get_one() -> None:
    error = make_error(RateLimitedError, "cannot go on: slow down")
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_seconds == 1.0
    unavailable = make_error(ConnectFailedError, "cannot go on")
    assert isinstance(unavailable, ConnectFailedError)
    assert unavailable.retry_after_seconds is None
