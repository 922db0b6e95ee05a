"""From a notice to its deliveries: one for each channel of its receiver that tells of such things. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from nagare.alerting.notify.planning import Change
from nagare.model.notify.notice import Delivery, DeliveryState, Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Channel, Receiver

# So long a delivery is tried before it is given up.
PATIENCE_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Telling:
    """What becomes of an incident, and how people are told of it: kept together or not at all."""

    change: Change
    deliveries: tuple[Delivery, ...] = ()
    # Of an end, to those who are told instead of others: kept for who heard anything of the incident, and left out for who did not.
    instead: tuple[Delivery, ...] = ()


def telling_of(notifying: Notifying, change: Change, now_ms: int) -> Telling:
    """Return ``change`` with the deliveries of its notices."""
    made = (one for notice in change.notices for one in fan_out(notifying, notice, now_ms))
    ends = [notice for notice in change.notices if notice.resolved_count or notice.is_over]
    instead = (one for notice in ends for one in _to_fallback(notifying, notice, now_ms))
    return Telling(change, tuple(made), tuple(instead))


def fan_out(notifying: Notifying, notice: Notice, now_ms: int) -> list[Delivery]:
    """Return the deliveries of a notice; none for a receiver that is gone, or whose channels do not tell of such things."""
    receiver = notifying.receivers.get(notice.receiver)
    return _deliveries(receiver, notice, now_ms)


def fall_back(notifying: Notifying, dead: Delivery, now_ms: int) -> list[Delivery]:
    """Return the deliveries of the same notice to who is told instead; none for one that went to such a receiver already."""
    name = dead.channel.partition("/")[0]
    receiver = notifying.receivers.get(name)
    if receiver is None or name != dead.notice.receiver:
        return []
    return _to_fallback(notifying, dead.notice, now_ms)


def delivery_to(channel: Channel, notice: Notice, now_ms: int) -> Delivery:
    """Return the delivery of ``notice`` to ``channel``; its id is the same however often it is asked for."""
    digest = hashlib.sha256(channel.key.encode()).hexdigest()[:12]
    return Delivery(
        id=f"{notice.incident}.{notice.number}.{digest}",
        channel=channel.key,
        kind=channel.kind.value,
        notice=notice,
        state=DeliveryState.WAITING,
        made_ms=now_ms,
        due_ms=now_ms,
        until_ms=now_ms + PATIENCE_MS,
    )


def channels_of(notifying: Notifying, names: Iterable[str]) -> list[tuple[str, Channel]]:
    """Return each channel of the receivers of those names, with the name."""
    receivers = (notifying.receivers[name] for name in names if name in notifying.receivers)
    return [(receiver.name, channel) for receiver in receivers for channel in receiver.channels]


def _to_fallback(notifying: Notifying, notice: Notice, now_ms: int) -> list[Delivery]:
    receiver = notifying.receivers.get(notice.receiver)
    return [] if receiver is None else _deliveries(notifying.receivers.get(receiver.fallback), notice, now_ms)


def _deliveries(receiver: Receiver | None, notice: Notice, now_ms: int) -> list[Delivery]:
    if receiver is None:
        return []
    return [delivery_to(one, notice, now_ms) for one in receiver.channels if _tells(one, notice)]


def _tells(channel: Channel, notice: Notice) -> bool:
    return int(channel.severity) <= max(notice.severity, notice.reach) and (
        channel.tells_resolved or not notice.is_over
    )
