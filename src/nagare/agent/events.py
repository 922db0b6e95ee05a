"""Events that the agent itself tells: its starts and stops, the machine's boots, batches the server would not take."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

from nagare.collect.collector import Root
from nagare.lib.counters import Counters
from nagare.model.columns import Cell
from nagare.model.event import Severity

# Waiting events; beyond it the oldest are dropped and counted. An agent that tells more is ill in another way.
_LIMIT = 100
# A boot is told at its own time if it is younger than this share of what the server keeps, for it may have to wait.
_KEPT_SHARE = 0.9
_NAMESPACE = uuid.UUID("6f1a3cb4-5d60-4b8a-9b7e-0f8f7a3f9a11")

EventRow = Mapping[str, Cell]


class EventBox:
    """Events that wait for the next batch."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: deque[EventRow] = deque()
        self.counters = Counters()

    def tell(
        self,
        kind: str,
        text: str,
        now_ms: int,
        *,
        severity: Severity = Severity.INFO,
        attributes: Mapping[str, str] | None = None,
        identity: str = "",
    ) -> None:
        """Add an event; ``identity`` makes a repeat of the same event harmless."""
        if len(self._rows) == _LIMIT:
            self._rows.popleft()
            self.counters.add("dropped")
        self._rows.append(
            {
                "ts": now_ms,
                "id": identity or str(uuid.uuid4()),
                "kind": kind,
                "severity": int(severity),
                "source": "agent",
                "text": text,
                "attributes": dict(attributes or {}),
            }
        )

    def take(self) -> list[EventRow]:
        """Return what waits and begin anew."""
        rows = list(self._rows)
        self._rows.clear()
        return rows


def read_boot_id(root: Root) -> str:
    """Return the kernel's id of this boot, empty where it tells none."""
    try:
        return (root.proc / "sys/kernel/random/boot_id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def tell_boot(box: EventBox, root: Root, boot_id: str, host: str, now_ms: int, *, kept_seconds: float) -> None:
    """Tell that the machine booted; the same boot of the same host always makes the same event.

    One from before ``kept_seconds``, which the server would refuse as stale, is told at the time it was noticed.
    """
    booted_ms = now_ms - round(_uptime_seconds(root) * 1000)
    booted_at = datetime.fromtimestamp(booted_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    box.tell(
        "host.boot",
        f"host booted at {booted_at}",
        booted_ms if now_ms - booted_ms < kept_seconds * _KEPT_SHARE * 1000 else now_ms,
        attributes={"boot_id": boot_id, "booted_at": booted_at},
        identity=str(uuid.uuid5(_NAMESPACE, f"{host}\n{boot_id}")),
    )


def _uptime_seconds(root: Root) -> float:
    try:
        return float((root.proc / "uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
