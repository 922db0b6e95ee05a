"""What is taken out of a text before anybody sees it, and what stays."""

import pytest

from nagare.diagnosis.redact import MASK, TEXT_LIMIT, make_redactor
from nagare.errors import ConfigError

SECRETS = [
    ("password=hunter22 for db", "hunter22"),
    ('{"api_key": "abc123def456", "host": "db1"}', "abc123def456"),
    ("curl -H 'Authorization: Bearer eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl' https://x", "eyJhbGciOiJIUzI1"),
    ("postgresql://nagare:s3cr3t@db.example/nagare", "s3cr3t"),
    ("mysqldump --password hunter22 shop", "hunter22"),
    ("DB_PASSWORD='hunter22'", "hunter22"),
    ("token ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrst"),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("mail to dora.quill+ops@example.org failed", "dora.quill"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "MIIEow"),
    ("MIIEowIBAAKCAQEA7\nsQx+\n-----END RSA PRIVATE KEY-----\nmore", "MIIEowIBAAKCAQEA7"),
    ("sk-proj-abcdefghijklmnop1234567890", "abcdefghijklmnop"),
    ("password: hunter22", "hunter22"),
    ("'auth': 'hunter22'", "hunter22"),
    ("auth:hunter22", "hunter22"),
    ("token-eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJhbGciOiJIUzI1"),
    ("cookie: sessionid=0f0e0d", "0f0e0d"),
    ("digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "9f86d081"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    redacted = make_redactor()(text)
    assert secret not in redacted
    assert MASK in redacted


@pytest.mark.parametrize(
    "text",
    [
        "file system /var: 99.1% full, 1.8G left",
        "unit nginx.service has failed (exit-code)",
        "process postgres (4711) of postgres: 1.20 cores, 2.1G (13.0%)",
        "disk sda: a request takes 2ms → 48ms, since 10:02:00",
        "unit web-auth has failed",
        "container auth-service: of its memory 98.0% is used",
        "token-svc-1: the host sends nothing for 2h00m",
        "probe tcp auth1:443: answers late; https://token-svc-1:8443/health, too",
        "interface eth0: errors 0/s → 12/s",
    ],
)
def test_evidence_stays_as_it_is(text: str) -> None:
    assert make_redactor()(text) == text


def test_own_patterns_are_taken_out_too() -> None:
    assert make_redactor(["CUST-[0-9]{6}"])("order of CUST-123456") == f"order of {MASK}"


def test_a_pattern_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"diagnosis\.redact"):
        make_redactor(["(unclosed"])


@pytest.mark.parametrize(
    "word",
    ["a", "a-", "-", "token", "token-", "-eyJa", "eyJ", "a-a@a.", "token ", " ", "--token ", "0f", "http://a:", "-----BEGIN ", "basic "],
)  # fmt: skip
def test_long_runs_take_time_by_their_length_alone(word: str) -> None:
    # Where a run is tried again from each of its characters, these take minutes.
    text = word * 20_000
    assert len(make_redactor(["CUST-[0-9]{6}"])(text)) <= TEXT_LIMIT
    assert make_redactor()(f"{text[:4000]} password=hunter22")[-10:] == MASK
