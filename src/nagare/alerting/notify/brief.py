"""A delivery without its notice, as lists and queues need it: a notice names fifty alerts with all their labels. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from nagare.model.notify.notice import Delivery


@dataclass(frozen=True, slots=True)
class Brief:
    """What a list says of a delivery. Times are Unix milliseconds; ``hosts`` are those that the notice names."""

    id: str
    incident: str
    number: int
    channel: str
    kind: str
    receiver: str
    reason: str
    severity: int
    state: str
    labels: Mapping[str, str]
    alertnames: tuple[str, ...]
    hosts: tuple[str, ...]
    firing: int
    resolved: int
    made_ms: int
    due_ms: int
    done_ms: int | None
    tries: int
    fault: str

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return that of a delivery."""
        notice = delivery.notice
        lines = (*notice.firing, *notice.resolved)
        return cls(
            id=delivery.id,
            incident=notice.incident,
            number=notice.number,
            channel=delivery.channel,
            kind=delivery.kind,
            receiver=notice.receiver,
            reason=notice.reason,
            severity=notice.severity,
            state=delivery.state.value,
            labels=notice.labels,
            alertnames=tuple(dict.fromkeys(line.name for line in lines)),
            hosts=tuple(dict.fromkeys(line.host for line in lines)),
            firing=notice.firing_count,
            resolved=notice.resolved_count,
            made_ms=delivery.made_ms,
            due_ms=delivery.due_ms,
            done_ms=delivery.done_ms,
            tries=delivery.tries,
            fault=delivery.fault,
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a queue knows of a delivery that waits."""

    id: str
    incident: str
    number: int
    channel: str
    made_ms: int
    due_ms: int

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return that of a delivery."""
        notice = delivery.notice
        return cls(delivery.id, notice.incident, notice.number, delivery.channel, delivery.made_ms, delivery.due_ms)
