"""What the statuses of HTTP mean to whoever sends a notice, and what a provider says beside them. Pure.

A provider's words are not cut here: they may repeat a secret, of which half would stay. Who sends takes it out first, and cuts then.

Sources: RFC 9110, 10.2.3 and 15; RFC 6585, 4 (429 with ``Retry-After``); RFC 8470, 5.2 (425).
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.model.notify.exchange import HttpReply
from nagare.model.notify.sending import NotSent
from nagare.wire.codec import decode_any

# Whoever wants us to wait longer would let a notice grow old; we ask again, and are told again.
AFTER_LIMIT_SECONDS = 3600.0
_ID_LIMIT = 200
_AGAIN = frozenset({408, 425, 429})


def is_success(reply: HttpReply) -> bool:
    """Whether the status says that it was taken."""
    return 200 <= reply.status < 300


def refusal(reply: HttpReply, said: str = "", after_seconds: float | None = None) -> NotSent:
    """Return what a status beyond 2xx means; ``said`` are the provider's own words for it, and ``after_seconds`` its own time."""
    words = f"it answered with status {reply.status}{_phrase(reply.status)}"
    if 300 <= reply.status < 400:
        return NotSent(f"{words}; redirects are not followed: give the address that it leads to", is_final=True)
    if said:
        words += f": {plain(said)}"
    if reply.status in _AGAIN or reply.status >= 500:
        waits = retry_after(reply) if after_seconds is None else after_seconds
        return NotSent(words, after_seconds=bounded(waits))
    return NotSent(words, is_final=True)


def unreadable(reply: HttpReply) -> NotSent:
    """Return what a success means whose body is not what the provider answers: somebody else did."""
    return NotSent(f"it answered with status {reply.status}, but not as such a server does")


def bounded(seconds: float | None) -> float | None:
    """Return a time to wait, not below nothing and not beyond ``AFTER_LIMIT_SECONDS``."""
    return None if seconds is None else max(0.0, min(seconds, AFTER_LIMIT_SECONDS))


def retry_after(reply: HttpReply) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date; None where there is none, or none that can be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        # Beyond nine digits it is more than our bound, and could be more than a float.
        return float(text[:9])
    try:
        return parsedate_to_datetime(text).timestamp() - reply.at_ms / 1000
    except (ValueError, OverflowError):
        return None


def fields_of(body: bytes) -> Mapping[str, object]:
    """Return the members of a JSON object, none for anything else."""
    try:
        found = decode_any(body)
    except InputError:
        return {}
    return found if isinstance(found, dict) else {}


def text_of(fields: Mapping[str, object], name: str) -> str:
    """Return an id or a word of an answer, made harmless and cut; empty where it is none. For what is told, see ``words_of``."""
    return words_of(fields, name)[:_ID_LIMIT]


def words_of(fields: Mapping[str, object], name: str) -> str:
    """Return what an answer says to people, made harmless and whole; empty where it says nothing."""
    found = fields.get(name)
    return plain(found) if isinstance(found, str) else ""


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""
