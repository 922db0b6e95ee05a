"""Messages to everybody who watches: a few words in every terminal that is open."""

from __future__ import annotations

from typing import Annotated

import msgspec


class MessageRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/messages``: a few words, and how long they stand on the screens."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    lasts_seconds: Annotated[float, msgspec.Meta(ge=1, le=600)] = 30.0


class MessageReply(msgspec.Struct, frozen=True):
    """To how many live connections it was handed; who opens one later does not see it."""

    connections: int
