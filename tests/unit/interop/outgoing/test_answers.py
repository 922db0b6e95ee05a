"""What statuses mean, whoever answers."""

import pytest

from nagare.errors import ConfigError
from nagare.interop.outgoing.addresses import checked
from nagare.interop.outgoing.answers import fields_of, refusal, text_of, words_of
from nagare.model.notify.exchange import HttpReply
from nagare.model.notify.receiver import ChannelKind
from tests.support.outgoing_notices import channel

AT_MS = 1_760_000_000_000


def _reply(status: int, after: str = "") -> HttpReply:
    return HttpReply(status, {"retry-after": after} if after else {}, b"", AT_MS)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    refused = refusal(_reply(status))
    assert (refused.is_final, refused.after_seconds) == (False, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422, 499])
def test_what_stays_as_it_is_is_not(status: int) -> None:
    assert refusal(_reply(status)).is_final


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_final_and_says_what_to_do(status: int) -> None:
    refused = refusal(_reply(status))
    assert refused.is_final
    assert "give the address that it leads to" in refused.fault


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("99999999999999999999", 3600.0),
        ("Thu, 09 Oct 2025 08:54:20 GMT", 60.0),
        ("Thu, 09 Oct 2025 08:00:00 GMT", 0.0),
        ("Fri, 09 Oct 2026 08:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Thu, 99 Oct 2025 08:54:20 GMT", None),
    ],
)
def test_a_time_to_wait_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert refusal(_reply(429, text)).after_seconds == seconds
    assert refusal(_reply(503, text)).after_seconds == seconds


def test_words_of_a_provider_are_harmless_and_whole() -> None:
    """Who sends cuts them, once it took the secret out."""
    refused = refusal(_reply(403), "no\x1b[2J" + "x" * 500)
    assert refused.fault == "it answered with status 403 (Forbidden): no␛[2J" + "x" * 500


def test_ids_are_short_and_words_are_whole() -> None:
    fields = {"id": "x" * 500, "other": 1}
    assert (text_of(fields, "id"), words_of(fields, "id")) == ("x" * 200, "x" * 500)
    assert (text_of(fields, "other"), words_of(fields, "none")) == ("", "")


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b'"x"', b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_has_no_members(body: bytes) -> None:
    assert fields_of(body) == {}


@pytest.mark.parametrize(
    "url",
    [
        "", "ntfy.sh", "ftp://x/", "file:///etc/passwd", "http://", "http://[::1", "http://x:99999/", "http://x:0/", "https://x/a b", "http://ü/",
        "http://x/\n", "http://" + "x" * 9000,
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(channel(ChannelKind.WEBHOOK), url)
    assert caught.value.message == "cannot send to ops/phone: its address is no http or https URL"


def test_who_sends_is_shown_in_a_header_and_not_in_the_address() -> None:
    url, shown = checked(channel(ChannelKind.WEBHOOK), "https://us%40er:p%3Aw@hooks.example:8443/a?b=c#d")
    assert url == "https://hooks.example:8443/a?b=c"
    assert shown == {"Authorization": "Basic dXNAZXI6cDp3"}
