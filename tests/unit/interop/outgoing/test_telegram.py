"""Telegram; facts from core.telegram.org/bots/api (sendMessage, editMessageText, MessageEntity, ResponseParameters)."""

import json
from typing import Any

import pytest

from nagare.interop.outgoing.telegram import TelegramCodec
from nagare.model.notify.exchange import HttpReply, RefGone
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, channel, delivery, line, notice, over

CODEC = TelegramCodec()
TOKEN = "123456:ABC-def_1"
ONE = channel(ChannelKind.TELEGRAM, chat_id="-100123", thread_id="7")


def _ask(told: Notice, ref: str = "", ack_url: str = ACK_URL) -> tuple[str, dict[str, Any]]:
    asked = CODEC.ask(ONE, TOKEN, delivery(told), ref, ack_url)
    base, _, method = asked.url.rpartition("/")
    assert base == f"https://api.telegram.org/bot{TOKEN}"
    return method, json.loads(asked.body)


def _spans(sent: dict[str, Any]) -> list[tuple[str, str]]:
    units = sent["text"].encode("utf-16-le")
    return [
        (one["type"], units[one["offset"] * 2 : (one["offset"] + one["length"]) * 2].decode("utf-16-le"))
        for one in sent["entities"]
    ]


def test_a_notice_is_a_text_with_entities() -> None:
    method, sent = _ask(notice())
    assert method == "sendMessage"
    assert sent == {
        "chat_id": -100123,
        "message_thread_id": 7,
        "disable_notification": False,
        "text": (
            "[FIRING:1] DiskFull on web1 (critical)\nweb1: / is 93 % full (value 93.2, since 2025-10-09 08:53 UTC)\n\nAcknowledge"
        ),
        "entities": [
            {"type": "bold", "offset": 0, "length": 38},
            {"type": "text_link", "offset": 102, "length": 11, "url": ACK_URL},
        ],
        "link_preview_options": {"is_disabled": True},
    }
    assert _spans(sent)[1] == ("text_link", "Acknowledge")


def test_offsets_are_in_utf_16() -> None:
    sent = _ask(notice(line("web😀", summary="💾 full")))[1]
    assert _spans(sent) == [("bold", "[FIRING:1] DiskFull on web😀 (critical)"), ("text_link", "Acknowledge")]


def test_what_comes_later_answers_the_first() -> None:
    method, sent = _ask(notice(reason=Reason.RESOLVED), "41")
    assert (method, sent["reply_parameters"]) == (
        "sendMessage",
        {"message_id": 41, "allow_sending_without_reply": True},
    )
    assert sent["disable_notification"] is True
    assert _ask(notice(reason=Reason.REPEAT), "41")[1]["disable_notification"] is False


def test_the_end_changes_the_first() -> None:
    method, sent = _ask(over(), "41")
    assert (method, sent["message_id"], sent["chat_id"]) == ("editMessageText", 41, -100123)
    assert _spans(sent) == [("bold", "[RESOLVED] DiskFull on web1")]
    assert _ask(over())[0] == "sendMessage"


def test_nobody_is_called_by_a_label() -> None:
    assert "root@\u2060host" in _ask(notice(line("web1", summary="root@host @all")))[1]["text"]


def test_a_host_without_a_dot_is_written_out() -> None:
    sent = _ask(notice(), "", "http://nagare:8750/ack/1")[1]
    assert sent["text"].endswith("\n\nAcknowledge: http://nagare:8750/ack/1")
    assert len(sent["entities"]) == 1


def test_a_channel_has_a_name() -> None:
    one = channel(ChannelKind.TELEGRAM, chat_id="@ops", url="http://127.0.0.1:8081")
    asked = CODEC.ask(one, TOKEN, delivery(notice()), "", "")
    assert asked.url == f"http://127.0.0.1:8081/bot{TOKEN}/sendMessage"
    assert json.loads(asked.body)["chat_id"] == "@ops"


def _error(code: int, said: str, **parameters: Any) -> HttpReply:
    return HttpReply(
        code,
        {},
        json.dumps({"ok": False, "error_code": code, "description": said, "parameters": parameters}).encode(),
        0,
    )


def test_what_others_wrote_is_no_link() -> None:
    """Nothing is read as Markdown or HTML: what is a link is told apart from the text."""
    told = notice(line("web1", summary="[a](https://e.example) <a href='https://e.example'>b</a>"))
    sent = json.loads(CODEC.ask(ONE, "123456:ABC-def_1", delivery(told), "", "https://n.example.com/a").body)
    assert "parse_mode" not in sent
    assert [one.get("url") for one in sent["entities"]] == [None, "https://n.example.com/a"]


@pytest.mark.parametrize(
    ("reply", "ref", "means"),
    [
        (HttpReply(200, {}, b'{"ok":true,"result":{"message_id":41,"chat":{}}}', 0), "", Sent("41")),
        (HttpReply(200, {}, b'{"ok":true,"result":{"message_id":42}}', 0), "41", Sent("41")),
        (HttpReply(200, {}, b'{"ok":true,"result":true}', 0), "41", Sent("41")),
        (_error(400, "Bad Request: message is not modified: specified new message content"), "41", Sent("41")),
        (_error(400, "Bad Request: message to edit not found"), "41", RefGone("Bad Request: message to edit not found")),
        (_error(400, "Bad Request: message can't be edited"), "41", RefGone("Bad Request: message can't be edited")),
        (
            _error(429, "Too Many Requests: retry after 17", retry_after=17), "",
            NotSent("it answered with status 429 (Too Many Requests): Too Many Requests: retry after 17", after_seconds=17.0),
        ),
        (
            _error(403, "Forbidden: bot was blocked by the user"), "",
            NotSent("it answered with status 403 (Forbidden): Forbidden: bot was blocked by the user", is_final=True),
        ),
        (
            _error(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009), "",
            NotSent("it answered with status 400 (Bad Request): chat_id is -1009 now; Bad Request: group chat was upgraded", is_final=True),
        ),
    ],
)  # fmt: skip
def test_answers(reply: HttpReply, ref: str, means: Sent | NotSent | RefGone) -> None:
    assert CODEC.read(reply, ref) == means


def test_a_success_that_is_none_is_tried_again() -> None:
    read = CODEC.read(HttpReply(200, {}, b"<html>", 0), "")
    assert isinstance(read, NotSent)
    assert not read.is_final
