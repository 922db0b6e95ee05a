"""All that ``notify.toml`` says, as one value, and the questions that are asked of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nagare.model.notify.heartbeat import Heartbeat, Pulse
from nagare.model.notify.mute import MuteTime
from nagare.model.notify.receiver import Channel, Escalation, Receiver, Rotation, Step
from nagare.model.notify.route import Route


@dataclass(frozen=True, slots=True)
class Notifying:
    """Routes and whom they name; every name that is used is there."""

    root: Route
    receivers: Mapping[str, Receiver]
    rotations: Mapping[str, Rotation]
    escalations: Mapping[str, Escalation]
    mutes: Mapping[str, MuteTime]
    heartbeats: Mapping[str, Heartbeat]
    pulse: Pulse | None = None

    def route(self, path: str) -> Route | None:
        """Return the route of that path, or None."""
        return next((route for route in self.root.walk() if route.path == path), None)

    def channel(self, key: str) -> Channel | None:
        """Return the channel of that key, or None."""
        receiver = self.receivers.get(key.partition("/")[0])
        return None if receiver is None else next((one for one in receiver.channels if one.key == key), None)

    def steps_of(self, name: str) -> tuple[Step, ...]:
        """Return the steps of an escalation; a receiver and a rotation are one step."""
        escalation = self.escalations.get(name)
        return (Step(0.0, (name,)),) if escalation is None else escalation.steps
