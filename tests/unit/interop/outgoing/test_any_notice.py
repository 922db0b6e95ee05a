"""Whatever a notice holds, every provider gets a lawful document within its bounds, and no answer is more than one of three things."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError
from nagare.interop.outgoing import ntfy, pagerduty, slack, telegram
from nagare.interop.outgoing.bounds import utf16_units
from nagare.interop.outgoing.table import CODECS
from nagare.model.notify.exchange import HttpReply, RefGone
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, NOTICES, channel, delivery, notice

CHANNELS: dict[str, tuple[Channel, str]] = {
    "webhook": (channel(ChannelKind.WEBHOOK), "https://hooks.example/in/SECRET"),
    "ntfy": (channel(ChannelKind.NTFY, topic="alerts"), "tk_secret"),
    "slack": (channel(ChannelKind.SLACK), "https://hooks.slack.example/services/SECRET"),
    "bot": (channel(ChannelKind.SLACK, channel="C0123"), "xoxb-secret"),
    "telegram": (channel(ChannelKind.TELEGRAM, chat_id="-1001"), "123456:ABC-def_1"),
    "pagerduty": (channel(ChannelKind.PAGERDUTY), "0123456789abcdef0123456789abcdef"),
}


def _ask(name: str, told: Notice, ref: str, ack_url: str) -> tuple[bytes, Any]:
    one, secret = CHANNELS[name]
    asked = CODECS[one.kind].ask(one, secret, delivery(told, one.kind), ref, ack_url)
    assert asked.method == "POST"
    assert secret not in repr(asked)
    return asked.body, json.loads(asked.body)


def _check(name: str, body: bytes, sent: Any) -> None:
    match name:
        case "ntfy":
            assert len(body) <= 8192
            assert len(sent["message"].encode()) <= 4096
            assert sent["message"]
            assert sent["title"]
            assert ntfy._TOPIC.fullmatch(sent.get("sequence_id", "x"))
        case "slack" | "bot":
            head, text = sent["blocks"][0]["text"]["text"], sent["blocks"][1]["text"]["text"]
            assert 0 < len(head) <= slack.HEADER_LIMIT
            assert 0 < len(text) <= slack.SECTION_LIMIT
            assert not {"<", ">"} & set(head + text)
            assert "@" not in sent["text"].replace("@\u2060", "").replace("@…", "")
        case "telegram":
            assert 0 < utf16_units(sent["text"]) <= telegram.TEXT_LIMIT
            units = sent["text"].encode("utf-16-le")
            for entity in sent["entities"]:
                units[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le")
            assert "@" not in sent["text"].replace("@\u2060", "").replace("@…", "")
        case "pagerduty" if sent["event_action"] == "trigger":
            assert len(body) <= 512_000
            assert 0 < len(sent["payload"]["summary"]) <= pagerduty.SUMMARY_LIMIT
            assert sent["payload"]["source"]
    if name == "pagerduty":
        assert 0 <= len(sent["dedup_key"]) <= pagerduty.KEY_LIMIT


# Every channel in one test: to make up a notice takes longer than to write all its documents.
@given(
    told=NOTICES,
    ref=st.sampled_from(["", "17", "C0123/1405894322.002768", "odd/ref/\n"]),
    ack_url=st.sampled_from(["", ACK_URL]),
)
def test_any_notice_is_a_lawful_document(told: Notice, ref: str, ack_url: str) -> None:
    for name in CHANNELS:
        body, sent = _ask(name, told, ref, ack_url)
        _check(name, body, sent)


@pytest.mark.parametrize("kind", CODECS)
@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after"]), st.text(max_size=40)),
    body=st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists, max_leaves=4)
    .map(
        lambda found: {
            "ok": found,
            "error": found,
            "id": found,
            "result": {"message_id": found},
            "parameters": {"retry_after": found},
        }
    )
    .map(lambda found: json.dumps(found).encode()),
    ref=st.sampled_from(["", "17"]),
)
def test_any_answer_is_understood(
    kind: ChannelKind, status: int, headers: dict[str, str], body: bytes, ref: str
) -> None:
    read = CODECS[kind].read(HttpReply(status, headers, body, 1_760_000_000_000), ref)
    assert isinstance(read, Sent | NotSent | RefGone)
    if isinstance(read, NotSent):
        assert read.fault
        assert read.after_seconds is None or 0 <= read.after_seconds <= 3600
    if not 200 <= status < 300 and not isinstance(read, RefGone):
        assert isinstance(read, NotSent)


@pytest.mark.parametrize(
    ("one", "secret", "fault"),
    [
        (channel(ChannelKind.NTFY), "", "its option topic is missing"),
        (channel(ChannelKind.NTFY, topic="x", url="ftp://x"), "", "no http or https URL"),
        (channel(ChannelKind.TELEGRAM, chat_id="1"), "not-a-token/../x", "no token of a bot"),
        (channel(ChannelKind.TELEGRAM, chat_id="somebody"), "1:abc", "numbers"),
        (channel(ChannelKind.TELEGRAM), "1:abc", "chat_id is missing"),
        (channel(ChannelKind.SLACK), "xoxb-1", "no http or https URL"),
        (channel(ChannelKind.WEBHOOK), "", "no http or https URL"),
    ],
)
def test_a_channel_that_cannot_be_used_says_why_without_its_secret(one: Channel, secret: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault) as caught:
        CODECS[one.kind].ask(one, secret, delivery(notice(), one.kind), "", "")
    assert not secret or secret not in str(caught.value)
