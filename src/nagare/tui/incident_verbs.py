"""What may be done to an incident as a whole: all of its alerts taken in hand, and its timeline read."""

from __future__ import annotations

from functools import partial

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import AlertState
from nagare.tui.alerts.rows import host_of
from nagare.tui.notify.rows import labels_text
from nagare.tui.screens.page import Page
from nagare.tui.work import start_work

_NEW = frozenset({AlertState.FIRING, AlertState.REOPENED})


class IncidentVerbs(Page):
    """Mixed into pages that have an incident: under the cursor, or as what they are about."""

    def chosen_incident(self) -> str:
        """Return the id of the incident that actions are about, empty when there is none."""
        raise NotImplementedError

    def is_in_need(self) -> bool:
        """Tell whether something of it may be taken in hand."""
        raise NotImplementedError

    def incident_changed(self) -> None:
        """Show it as it is now."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Take in hand what needs it, and read what there is."""
        if action == "incident.ack":
            return bool(self.chosen_incident()) and self.is_in_need()
        if action == "incident.timeline":
            return bool(self.chosen_incident())
        return super().can(action)

    async def do_incident_timeline(self) -> None:
        """Show everything that happened in it."""
        if self.chosen_incident():
            await self.top.go(self.location.with_incident(self.chosen_incident(), "timeline"))

    def do_incident_ack(self) -> None:
        """Take every alert of it in hand."""
        if self.chosen_incident():
            start_work(self, partial(self._take_all, self.chosen_incident()), "decide", exclusive=False)

    async def _take_all(self, incident_id: str) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        try:
            # As it is now, and whole: a list has no alerts, and may be seconds old.
            detail = await self.top.source.notify().incident(incident_id)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        meant = [alert for alert in detail.alerts if alert.state in _NEW]
        if not meant:
            self.top.say("every alert of it is in hand, or over")
            return
        lines = tuple(plain(f"{alert.name} {host_of(alert)} ({alert.state})", 120) for alert in meant)
        rows = (
            PlanRow("incident", (labels_text(detail.incident),)),
            PlanRow("alert" if len(meant) == 1 else f"{len(meant)} alerts", lines),
        )
        question = Question(
            "Take all in hand", rows, "take in hand", reason="why, for those who come later", is_optional=True
        )
        text = await self.app.push_screen_wait(Agreement(question))
        if text is None:
            return
        done, fault = 0, ""
        for alert in meant:
            try:
                await self.top.source.alerts().acknowledge(alert.id, text)
                done += 1
            except NagareError as error:
                fault = fault or plain(error.message)
        self.top.say(f"in hand: {done} of {len(meant)} alerts of {labels_text(detail.incident)}", fault)
        self.top.feed.alerts.hurry()
        self.incident_changed()
