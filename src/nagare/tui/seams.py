"""Calls of single features, as screens ask for them: each is a seam of its own, over the one connection that there is."""

from __future__ import annotations

from typing import Protocol

from nagare.client.alerts import AlertCalls, RuleCalls, SilenceCalls
from nagare.client.client import Client
from nagare.client.commands import Commands
from nagare.client.diagnoses import DiagnosisCalls
from nagare.client.heartbeats import HeartbeatCalls
from nagare.client.network import NetworkCalls
from nagare.client.notify import NotifyCalls
from nagare.client.schedules import ScheduleCalls
from nagare.client.shells import ShellCalls
from nagare.client.tasks import TaskCalls
from nagare.tui.alerts.calls import AlertSeam, RuleSeam, SilenceSeam
from nagare.tui.automation.calls import ScheduleSeam, TaskSeam
from nagare.tui.diagnosis.calls import DiagnosisSeam
from nagare.tui.jobs.calls import JobCalls
from nagare.tui.network.calls import NetworkSeam
from nagare.tui.notify.calls import HeartbeatSeam, NotifySeam
from nagare.tui.query.calls import QuerySeam
from nagare.tui.shells.calls import ShellSeam


class Seams(Protocol):
    """Calls by feature. Each raises NotReadyError while there is no connection."""

    def jobs(self) -> JobCalls:
        """Return the calls about commands."""
        ...

    def tasks(self) -> TaskSeam:
        """Return the calls about tasks."""
        ...

    def schedules(self) -> ScheduleSeam:
        """Return the calls about schedules."""
        ...

    def alerts(self) -> AlertSeam:
        """Return the calls about alerts."""
        ...

    def silences(self) -> SilenceSeam:
        """Return the calls about silences."""
        ...

    def rules(self) -> RuleSeam:
        """Return the calls about rules."""
        ...

    def notify(self) -> NotifySeam:
        """Return the calls about how people are told."""
        ...

    def heartbeats(self) -> HeartbeatSeam:
        """Return the calls about heartbeats."""
        ...

    def diagnoses(self) -> DiagnosisSeam:
        """Return the calls about diagnoses."""
        ...

    def network(self) -> NetworkSeam:
        """Return the call about the network."""
        ...

    def queries(self) -> QuerySeam:
        """Return what answers SQL."""
        ...

    def shells(self) -> ShellSeam:
        """Return the calls about shells."""
        ...


class ServerSeams:
    """The same over a server's own client."""

    def connected(self) -> Client:
        """Return the client. Raises NotReadyError while there is no connection."""
        raise NotImplementedError

    def jobs(self) -> JobCalls:
        """Return the calls about commands. Raises NotReadyError while there is no connection."""
        return Commands(self.connected())

    def tasks(self) -> TaskSeam:
        """Return the calls about tasks. Raises NotReadyError while there is no connection."""
        return TaskCalls(self.connected())

    def schedules(self) -> ScheduleSeam:
        """Return the calls about schedules. Raises NotReadyError while there is no connection."""
        return ScheduleCalls(self.connected())

    def alerts(self) -> AlertSeam:
        """Return the calls about alerts. Raises NotReadyError while there is no connection."""
        return AlertCalls(self.connected())

    def silences(self) -> SilenceSeam:
        """Return the calls about silences. Raises NotReadyError while there is no connection."""
        return SilenceCalls(self.connected())

    def rules(self) -> RuleSeam:
        """Return the calls about rules. Raises NotReadyError while there is no connection."""
        return RuleCalls(self.connected())

    def notify(self) -> NotifySeam:
        """Return the calls about how people are told. Raises NotReadyError while there is no connection."""
        return NotifyCalls(self.connected())

    def heartbeats(self) -> HeartbeatSeam:
        """Return the calls about heartbeats. Raises NotReadyError while there is no connection."""
        return HeartbeatCalls(self.connected())

    def diagnoses(self) -> DiagnosisSeam:
        """Return the calls about diagnoses. Raises NotReadyError while there is no connection."""
        return DiagnosisCalls(self.connected())

    def network(self) -> NetworkSeam:
        """Return the call about the network. Raises NotReadyError while there is no connection."""
        return NetworkCalls(self.connected())

    def queries(self) -> QuerySeam:
        """Return what answers SQL. Raises NotReadyError while there is no connection."""
        return self.connected()

    def shells(self) -> ShellSeam:
        """Return the calls about shells. Raises NotReadyError while there is no connection."""
        return ShellCalls(self.connected())
