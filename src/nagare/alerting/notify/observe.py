"""The steps of telling people at which a test may kill the process; production observes nothing."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Hears the name of each step just after it happened, on the thread that did it."""

    def step(self, name: str) -> None:
        """Take note of the step ``name``."""
        ...


class NoObserver:
    """Hears nothing."""

    def step(self, name: str) -> None:
        """Do nothing."""


# Every step, in the order in which an alert becomes a message; the crash test kills the process at each.
STEPS = (
    "planned",
    "incidents_written",
    "deliveries_written",
    "kept",
    "read",
    "sent",
    "fate_written",
    "noted",
    # Of a delivery whose channel is gone.
    "dropped",
)
