"""What providers refuse with, in our errors."""

from datetime import UTC, datetime

import pytest

from nagare.diagnosis.models.faults import fault_of, retry_after
from nagare.errors import ConfigError, LimitExceededError, RateLimitedError, UnavailableError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("17", 17.0), (" 0.5 ", 0.5), ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0), ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("", None), ("soon", None), ("-1", None), ("inf", None), ("nan", None),
    ],
)  # fmt: skip
def test_when_to_come_again_is_read(told: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": told}, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ConfigError), (401, ConfigError), (403, ConfigError), (404, ConfigError), (302, ConfigError),
        (413, LimitExceededError), (429, RateLimitedError), (408, UnavailableError), (500, UnavailableError), (529, UnavailableError),
    ],
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(status: int, kind: type[Exception]) -> None:
    assert type(fault_of("m", status, "words", secret="")) is kind


def test_words_are_cut_and_hold_no_secret() -> None:
    told = fault_of("m", 500, f"sk-secret-0123 \x1b[0m {'x' * 9000}", secret="sk-secret-0123").message
    assert "sk-secret" not in told
    assert "\x1b" not in told
    assert len(told) < 400


@pytest.mark.parametrize(
    ("status", "words"), [(401, "bad: sk-se***23"), (403, "sk-se***23"), (400, "API key not valid: sk-se***23")]
)
def test_words_about_a_key_are_not_told(status: int, words: str) -> None:
    assert "sk-se" not in fault_of("m", status, words, secret="sk-secret-0123").message
