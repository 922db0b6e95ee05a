"""What may stand for limits.redis_url, and what would end in process lists."""

import pytest

from nagare.config.coerce import BadValueError
from nagare.config.rules import check


@pytest.mark.parametrize(
    "url", ["", "redis://127.0.0.1:6379/0", "rediss://nagare@redis.example/2", "unix:///run/r.sock"]
)
def test_a_redis_may_be_named(url: str) -> None:
    assert check("limits.redis_url", url) == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://:secret-word@redis/0", "redis_password_file"),
        ("redis://u:secret-word@redis/0", "redis_password_file"),
        ("redis://redis/0?password=secret-word", "redis_password_file"),
        ("redis://", "URL of a Redis"),
        ("http://redis/0", "URL of a Redis"),
        ("redis://redis:many/0", "not a URL"),
    ],
)
def test_what_may_not_is_told_without_its_secret(url: str, fault: str) -> None:
    with pytest.raises(BadValueError, match=fault) as refused:
        check("limits.redis_url", url)
    assert "secret-word" not in refused.value.reason


@pytest.mark.parametrize("prefix", ["", "a b", "a:b", "x" * 65])
def test_a_prefix_is_a_plain_word(prefix: str) -> None:
    with pytest.raises(BadValueError):
        check("limits.redis_prefix", prefix)
