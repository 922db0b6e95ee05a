"""What notification needs of the room of alerts, and of whoever has the routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.views import Sees
from nagare.alerting.store import Mandate
from nagare.model.alert.alert import Alert
from nagare.model.event import Event
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.sending import Sender
from nagare.wire.alerts import AlertView


class Book(Protocol):
    """The routes and receivers that hold now."""

    @property
    def notifying(self) -> Notifying:
        """What holds."""
        ...

    @property
    def fault(self) -> str:
        """Why a file that changed does not hold, empty where it does."""
        ...

    async def refresh(self) -> bool:
        """Read again what changed; tell whether something else holds now."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """The room of alerts, as far as notification sees it.

    ``mandate`` is that of the lease under which this server judges, None while it does not. ``holding`` returns what tells of an alert
    whether anything holds it back, as of that moment. ``labels_of`` are the labels of a host,
    which an alert of it has besides its own for routing. ``view`` is an alert as a caller sees it.
    """

    board: Board
    mandate: Callable[[], Mandate | None]
    holding: Callable[[], Awaitable[Callable[[Alert], bool]]]
    labels_of: Callable[[str], Mapping[str, str]]
    tell: Callable[[Event], None]
    view: Callable[[Alert, Sees], AlertView]


@dataclass(frozen=True, slots=True)
class Ways:
    """How people are reached: who sends to channels, and which page acknowledges an incident.

    ``ack_url`` of an incident, the key of a channel and the moment (Unix milliseconds) until which it is good; empty where there is none.
    """

    sender: Sender
    ack_url: Callable[[str, str, int], str]
