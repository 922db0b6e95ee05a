"""Slack; facts from docs.slack.dev (chat.postMessage, chat.update, incoming webhooks, rate limits, formatting)."""

import json
from typing import Any

import pytest

from nagare.interop.outgoing.slack import SlackCodec
from nagare.model.notify.exchange import HttpReply, RefGone
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, channel, delivery, line, notice, over

CODEC = SlackCodec()
HOOK = "https://hooks.slack.example/services/T0/B0/SECRET"
BOT = channel(ChannelKind.SLACK, channel="#alerts", url="https://slack.example/api/")
REF = "C0123/1405894322.002768"


def _bot(told: Notice, ref: str = "") -> tuple[str, dict[str, Any]]:
    asked = CODEC.ask(BOT, "xoxb-1", delivery(told), ref, ACK_URL)
    assert asked.headers == {"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer xoxb-1"}
    return asked.url.rpartition("/")[2], json.loads(asked.body)


def test_an_incoming_webhook_gets_a_text_and_blocks() -> None:
    asked = CODEC.ask(channel(ChannelKind.SLACK), HOOK, delivery(notice()), "", ACK_URL)
    assert (asked.url, asked.headers) == (HOOK, {"Content-Type": "application/json; charset=utf-8"})
    head = "[FIRING:1] DiskFull on web1 (critical)"
    body = "web1: / is 93 % full (value 93.2, since 2025-10-09 08:53 UTC)"
    link = "<https://nagare.example.com/ack/abc?x=1&amp;y=2|Acknowledge>"
    assert json.loads(asked.body) == {
        "text": f"{head}\n{body}\n{link}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": head, "emoji": False}},
            {"type": "section", "text": {"type": "plain_text", "text": body, "emoji": False}},
            {"type": "section", "text": {"type": "mrkdwn", "text": link}},
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_a_bot_begins_a_thread_and_goes_on_in_it() -> None:
    method, first = _bot(notice())
    assert (method, first["channel"], "thread_ts" in first) == ("chat.postMessage", "#alerts", False)
    method, later = _bot(notice(reason=Reason.ESCALATED), REF)
    assert (method, later["channel"], later["thread_ts"], later["reply_broadcast"]) == (
        "chat.postMessage", "C0123", "1405894322.002768", True,
    )  # fmt: skip
    assert _bot(notice(reason=Reason.RESOLVED), REF)[1]["reply_broadcast"] is False


def test_the_end_changes_the_first_message() -> None:
    method, sent = _bot(over(), REF)
    assert (method, sent["channel"], sent["ts"]) == ("chat.update", "C0123", "1405894322.002768")
    assert len(sent["blocks"]) == 2
    assert "unfurl_links" not in sent
    assert _bot(over())[0] == "chat.postMessage"


def test_nobody_is_called_by_a_label() -> None:
    told = notice(line("<!channel>", summary="<@U1> <http://evil|good> & *b* @all"))
    sent = json.loads(CODEC.ask(channel(ChannelKind.SLACK), HOOK, delivery(told), "", "").body)
    assert sent["blocks"][0]["text"]["text"] == "[FIRING:1] DiskFull on &lt;!channel&gt; (critical)"
    assert "&lt;@\u2060U1&gt; &lt;http://evil|good&gt; &amp; *b* @\u2060all" in sent["blocks"][1]["text"]["text"]
    assert sent["text"] == "\n".join(block["text"]["text"] for block in sent["blocks"])
    assert sent["blocks"][1]["text"]["type"] == "plain_text"


def test_what_others_wrote_is_no_link() -> None:
    told = notice(
        line("[Acknowledge]", summary="[a](https://e.example) ![t](https://e.example/x.png) <https://e.example|a>")
    )
    sent = json.loads(CODEC.ask(channel(ChannelKind.SLACK), HOOK, delivery(told), "", ACK_URL).body)
    assert (
        sent["text"]
        .split("\n")[1]
        .startswith(
            "[Acknowledge]\u2060: [a]\u2060(https://e.example) ![t]\u2060(https://e.example/x.png) &lt;https://e.example|a&gt; ("
        )
    )
    assert sent["blocks"][1]["text"]["text"] == sent["text"].split("\n")[1]


@pytest.mark.parametrize(
    ("status", "body", "ref", "means"),
    [
        (200, b"ok", "", Sent()),
        (200, b'{"ok":true,"channel":"C1","ts":"1.2"}', "", Sent("C1/1.2")),
        (200, b'{"ok":true,"channel":"C1","ts":"3.4"}', REF, Sent(REF)),
        (200, b'{"ok":false,"error":"invalid_auth"}', "", NotSent("it answered: invalid_auth", is_final=True)),
        (200, b'{"ok":false,"error":"fatal_error"}', "", NotSent("it answered: fatal_error", is_final=False)),
        (200, b'{"ok":false,"error":"message_not_found"}', REF, RefGone("message_not_found")),
        (200, b'{"ok":false,"error":"edit_window_closed"}', REF, RefGone("edit_window_closed")),
        (200, b'{"ok":false,"error":"message_not_found"}', "", NotSent("it answered: message_not_found", is_final=True)),
        (403, b"invalid_token", "", NotSent("it answered with status 403 (Forbidden): invalid_token", is_final=True)),
        (404, b"<html>/services/SECRET</html>", "", NotSent("it answered with status 404 (Not Found)", is_final=True)),
        (404, b"x" * 65, "", NotSent("it answered with status 404 (Not Found)", is_final=True)),
        (500, b"", "", NotSent("it answered with status 500 (Internal Server Error)")),
    ],
)  # fmt: skip
def test_answers(status: int, body: bytes, ref: str, means: Sent | NotSent | RefGone) -> None:
    assert CODEC.read(HttpReply(status, {}, body, 0), ref) == means


def test_a_limit_is_waited_for() -> None:
    limited = CODEC.read(HttpReply(429, {"retry-after": "30"}, b'{"ok":false,"error":"ratelimited"}', 0), "")
    assert limited == NotSent("it answered with status 429 (Too Many Requests): ratelimited", after_seconds=30.0)


def test_a_success_that_is_none_is_tried_again() -> None:
    portal = CODEC.read(HttpReply(200, {}, b"<html>sign in", 0), "")
    assert isinstance(portal, NotSent)
    assert not portal.is_final
