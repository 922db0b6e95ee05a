"""One try of a delivery: how a channel is asked, and what becomes of the delivery by what it says."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from random import Random

from nagare.alerting.notify.fanout import PATIENCE_MS
from nagare.lib.backoff import Backoff
from nagare.lib.frames import frames_of
from nagare.lib.plain_text import plain
from nagare.model.notify.notice import Attempt, Delivery, DeliveryState
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sender, Sent

log = logging.getLogger(__name__)
# A sender ends by itself sooner; one that does not must not keep a place for ever.
_DEADLINE_SECONDS = 30.0
# A server that was off for a day has not tried for a day: so often one is tried before it is given up.
_TRIES_LEAST = 10
_BASE_SECONDS, _CAP_SECONDS, _FLOOR_SECONDS = 1.0, 300.0, 0.5
_FAULT_LIMIT, _REF_LIMIT = 500, 1000


async def try_to_send(sender: Sender, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:
    """Return what ``channel`` says to ``delivery``; a bug in the sender of one kind is that delivery's fault, and ends no other."""
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await sender.send(channel, delivery, ref, ack_url)
    except TimeoutError:
        return NotSent(f"cannot send to {channel.key}: no answer within {_DEADLINE_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001  whatever it is, it is told and tried again
        # Its text might hold a secret.
        log.error("notification_not_sent id=%s channel=%s: %s", delivery.id, channel.key, frames_of(error))  # noqa: TRY400  see above
        return NotSent(f"cannot send to {channel.key}: {type(error).__name__}")


def fate_of(before: Delivery, answer: Sent | NotSent, now_ms: int, chance: Random) -> tuple[Delivery, float]:
    """Return what becomes of a delivery, and the seconds until it is tried again."""
    after = replace(before, tries=before.tries + 1)
    if isinstance(answer, Sent):
        ref = answer.ref[:_REF_LIMIT]
        return replace(after, state=DeliveryState.SENT, done_ms=now_ms, ref=ref, fault=""), 0.0
    # A clock that was set back gives no more time than a delivery has that is made now.
    until_ms = min(before.until_ms, now_ms + PATIENCE_MS)
    after = replace(after, until_ms=until_ms, fault=plain(answer.fault, _FAULT_LIMIT) or "it was not sent")
    if answer.is_final or (now_ms >= until_ms and after.tries >= _TRIES_LEAST):
        return replace(after, state=DeliveryState.DEAD, done_ms=now_ms), 0.0
    pause = Backoff(_BASE_SECONDS, _CAP_SECONDS, _FLOOR_SECONDS, chance, before.tries)
    wait = pause.next_seconds(answer.after_seconds)
    return replace(after, due_ms=now_ms + round(wait * 1000)), wait


def attempt_of(after: Delivery, at_ms: int, took_ms: int, answer: Sent | NotSent) -> Attempt:
    """Return the try of which ``after`` came."""
    attributes = {"ref": after.ref} if isinstance(answer, Sent) and after.ref else {}
    return Attempt(after.id, after.tries, at_ms, took_ms, "" if isinstance(answer, Sent) else after.fault, attributes)
