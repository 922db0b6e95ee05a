"""The ways out with the words that go on them: what the server's joints ask for."""

from __future__ import annotations

from nagare.interop.outgoing.table import CODECS
from nagare.interop.outgoing.text import render, title
from nagare.lib.clock import Clock
from nagare.net.channels.channels import Channels
from nagare.net.channels.terminal import TellEvent


def make_channels(clock: Clock, tell_event: TellEvent) -> Channels:
    """Return the sender to channels of every kind; ``tell_event`` stores what terminals show, and may raise NagareError."""
    return Channels(CODECS, title, render, clock, tell_event)
