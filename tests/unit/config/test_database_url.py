"""What may stand for records.url, and what would end in process lists."""

import pytest

from nagare.config.coerce import BadValueError
from nagare.config.rules import check


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://nagare@db.example:5432/nagare",
        "postgres:///nagare?host=/run/postgresql",
        "postgresql://[::1]/n",
    ],
)
def test_a_database_may_be_named(url: str) -> None:
    assert check("records.url", url) == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://nagare:secret-word@db/nagare", "password_file"),
        ("postgresql://nagare:@db/nagare", "password_file"),
        ("postgresql://db/nagare?user=nagare&password=secret-word", "password_file"),
        ("postgresql://db/nagare?PASSWORD=secret-word", "password_file"),
        ("postgresql://db", "PostgreSQL database"),
        ("postgresql://db/", "PostgreSQL database"),
        ("mysql://db/nagare", "PostgreSQL database"),
        ("sqlite:///nagare.db", "PostgreSQL database"),
        ("postgresql://db:many/nagare", "not a URL"),
    ],
)
def test_what_may_not_is_told_without_its_secret(url: str, fault: str) -> None:
    with pytest.raises(BadValueError, match=fault) as refused:
        check("records.url", url)
    assert "secret-word" not in refused.value.reason
