"""What the caller's role must allow before an action does anything: it is shown as off, with the reason, otherwise.

A courtesy only: the server decides, and is asked again each time. While the caller is not known, nothing is held back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nagare.wire.auth import Me

# Action -> (permission, what it is to do).
_NEEDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": ("commands.run", "run commands"),
        "job.new": ("commands.run", "run commands"),
        "job.cancel": ("commands.run", "end commands"),
        "job.approve": ("commands.approve", "agree to commands"),
        "job.reject": ("commands.approve", "refuse commands"),
        "task.cancel": ("tasks.write", "end tasks"),
        "query.run": ("metrics.read", "ask the metrics"),
        "query.open": ("metrics.read", "ask the metrics"),
        "query.history": ("metrics.read", "ask the metrics"),
        "alert.ack": ("alerts.write", "take alerts in hand"),
        "alert.unack": ("alerts.write", "give alerts back"),
        "alert.resolve": ("alerts.write", "end alerts"),
        "alert.comment": ("alerts.write", "comment alerts"),
        "alert.silence": ("silences.write", "make silences"),
        "silence.new": ("silences.write", "make silences"),
        "silence.end": ("silences.write", "end silences"),
        "incident.ack": ("alerts.write", "take alerts in hand"),
        "notice.retry": ("notify.write", "send notifications again"),
        "notice.drop": ("notify.write", "give notifications up"),
        "receiver.test": ("notify.write", "test receivers"),
        "schedule.new": ("schedules.write", "make schedules"),
        "rule.delete": ("rules.write", "delete rules"),
        "diagnose": ("diagnose.run", "ask for diagnoses"),
        "diagnosis.model": ("diagnose.run", "ask for diagnoses"),
        "diagnosis.ask": ("diagnose.run", "ask for diagnoses"),
        "diagnosis.helped": ("diagnose.run", "rate diagnoses"),
        "diagnosis.useless": ("diagnose.run", "rate diagnoses"),
        "diagnosis.propose": ("commands.run", "run commands"),
        "shell.open": ("shells.open", "open shells"),
        "schedule.run": ("schedules.write", "run schedules"),
        "schedule.switch": ("schedules.write", "switch schedules"),
    }
)


# What changes something beside what roles are asked about.
_CHANGES = frozenset({"alert.why"})
# What only looks, also at the past.
_LOOKS = ("query.", "diagnose", "diagnosis.model", "diagnosis.ask", "diagnosis.helped", "diagnosis.useless")


def why_not_now(action: str, reason: str) -> str:
    """Return ``reason`` for what changes something, and for what tells only of the present; empty for all else."""
    changes = action in _NEEDS and not action.startswith(_LOOKS)
    return reason if changes or action in _CHANGES else ""


def why_not_allowed(action: str, caller: Me | None) -> str:
    """Return why ``caller`` may not do ``action``; empty when nothing is known to be in the way."""
    permission, doing = _NEEDS.get(action, ("", ""))
    if caller is None or not permission or permission in caller.permissions:
        return ""
    if caller.kind == "browser":
        takes = "ui.shells in the settings, ui.act and" if permission == "shells.open" else "ui.act and"
        return f"{caller.name} may not {doing} in a browser: that takes {takes} {permission}"
    return f"{caller.name} may not {doing}: no role of theirs has {permission}"
