"""What diagnoses see of metrics, hosts and alerts, each caller with its own rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nagare.alerting.service import Alerts
from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.reach import PAGES
from nagare.diagnosis.service import Diagnoses
from nagare.diagnosis.store import Kept, Wanted
from nagare.errors import PermissionDeniedError
from nagare.fleet.service import Fleet
from nagare.model.event import Event, Severity
from nagare.model.principal import Permission, Principal
from nagare.server.sight import hosts_of, sight_of

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

_SEEING = (Permission.DIAGNOSE_READ, Permission.METRICS_READ)
_FIRED = frozenset({"alert.firing", "alert.re-opened"})


@dataclass(frozen=True, slots=True)
class DiagnosisBook:
    """The neighbours of the room of diagnoses."""

    store: MetricStore
    alerts: Alerts

    def own_sight(self) -> Asker:
        """Return what asks with the sight of the server itself."""
        return Asker(partial(self.store.query, hosts=None))

    async def alert_of(self, alert_id: str) -> tuple[str, int]:
        """Return the host of an alert and since when its condition holds. Raises NotFoundError."""
        alert = await self.alerts.board.get(alert_id)
        return alert.labels.get("host", ""), alert.starts_ms


def asker_of(principal: Principal, store: MetricStore, fleet: Fleet) -> Asker:
    """Return what asks with the sight of ``principal``: hosts that it may diagnose and whose metrics it may read.

    Raises PermissionDeniedError for a caller that may not read metrics.
    """
    if not principal.may(Permission.METRICS_READ):
        raise PermissionDeniedError("cannot diagnose: that needs metrics.read too")
    sight = sight_of(principal, fleet)
    may = hosts_of(principal, fleet, Permission.DIAGNOSE_RUN)
    hosts = sight.hosts if may is None else may if sight.hosts is None else sight.hosts & may
    return Asker(partial(store.query, hosts=hosts, hidden=sight.hidden), sight.hidden)


def may_see(principal: Principal, fleet: Fleet, kept: Kept) -> bool:
    """Tell whether ``principal`` sees everything that a diagnosis speaks of: one that speaks of more does not exist for it."""
    if not all(_covers(principal, fleet, permission, kept) for permission in _SEEING):
        return False
    if PAGES in kept.tables and not principal.may(Permission.KB_READ):
        return False
    return not kept.tables & sight_of(principal, fleet).hidden


def check_covers(principal: Principal, fleet: Fleet, kept: Kept, verb: str) -> None:
    """Raise PermissionDeniedError unless ``principal`` may diagnose every host that a diagnosis speaks of; ``verb`` is what it wants."""
    if not _covers(principal, fleet, Permission.DIAGNOSE_RUN, kept):
        raise PermissionDeniedError(f"cannot {verb} diagnosis: it speaks of hosts that you may not diagnose")


def _covers(principal: Principal, fleet: Fleet, permission: Permission, kept: Kept) -> bool:
    if not principal.may(permission):
        return False
    hosts = hosts_of(principal, fleet, permission)
    # No host has the name that stands for all of them.
    return hosts is None or (bool(kept.hosts) and kept.hosts <= hosts)


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Return which diagnoses the query of a URL means."""
    return Wanted(query.get("host", ""), query.get("alert", ""))


def watch_alerts(diagnoses: Diagnoses, event: Event) -> None:
    """Have the alert diagnosed that a critical event tells of."""
    if event.kind in _FIRED and event.severity is Severity.CRITICAL and (alert := event.attributes.get("alert")):
        diagnoses.alert_fired(alert)
