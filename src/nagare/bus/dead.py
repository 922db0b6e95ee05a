"""A dead letter is itself a message: the one given up on, under ``dead.<stream>``, with what became of it in headers. Pure."""

from __future__ import annotations

from nagare.bus.message import Message
from nagare.bus.protocol import ConsumerSpec, DeadLetter

_PREFIX = "Nagare-Dead-"
_REASON_LIMIT = 500


def worn_out(limit: int) -> str:
    """Return the reason of a message that was delivered as often as it may be."""
    return f"delivered {limit} times without an ack"


def dead_letter(spec: ConsumerSpec, message: Message, seq: int, deliveries: int, reason: str) -> Message:
    """Return what is published of ``message``. Its id follows from its place, so that giving up twice is once."""
    # A header is one line of ASCII; a reason may quote anything.
    plain = reason[:_REASON_LIMIT].encode("ascii", "backslashreplace").decode()
    plain = " ".join("".join(letter if " " <= letter <= "~" else " " for letter in plain).split())
    words = {
        "Id": message.id,
        "Subject": message.subject,
        "Consumer": spec.name,
        "Seq": str(seq),
        "Deliveries": str(deliveries),
        "Reason": plain or "no reason given",
    }
    headers = {**message.headers, **{_PREFIX + name: value for name, value in words.items()}}
    subject = f"dead.{spec.stream}"
    return Message(subject, message.data, f"{spec.stream}.{spec.name}.{seq}", message.key, headers)


def read_dead_letter(stored: Message, dead_seq: int) -> DeadLetter:
    """Return the dead letter that ``dead_letter`` made ``stored`` of."""
    words = {name.removeprefix(_PREFIX): text for name, text in stored.headers.items() if name.startswith(_PREFIX)}
    headers = {name: text for name, text in stored.headers.items() if not name.startswith(_PREFIX)}
    message = Message(words.get("Subject", ""), stored.data, words.get("Id", stored.id), stored.key, headers)
    return DeadLetter(
        message=message,
        stream=stored.subject.removeprefix("dead."),
        consumer=words.get("Consumer", ""),
        seq=int(words.get("Seq", "0")),
        deliveries=int(words.get("Deliveries", "0")),
        reason=words.get("Reason", ""),
        dead_seq=dead_seq,
    )
