"""What may be done to alerts: in hand, back, over, a note, a silence; each on the marked ones, else on the one under the cursor.

What a dialogue is about stands still while it is open: what is done is done to exactly those that were named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import ACTIVE, AlertState
from nagare.tui.alerts.rows import fired_ms, host_of
from nagare.tui.alerts.silence_draft import Choice, SilenceDraft, choices_of, request_of
from nagare.tui.alerts.told import SheetRow, alert_rows, why_rows
from nagare.tui.location import Window, around
from nagare.tui.notify.told import told_rows
from nagare.tui.screens.page import Page
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.wire.alerts import AlertDetail, AlertView, RuleView
    from nagare.wire.notify import NotificationView

Deed = Callable[[str, str], Awaitable["AlertView"]]
_NEW = frozenset({AlertState.FIRING, AlertState.REOPENED})
# Action -> the states of alerts that it may be done to.
_MAY: dict[str, frozenset[AlertState]] = {
    "alert.ack": _NEW, "alert.unack": frozenset({AlertState.ACKNOWLEDGED}), "alert.resolve": ACTIVE,
    "alert.comment": frozenset(AlertState), "alert.silence": frozenset(AlertState), "alert.why": frozenset(AlertState),
}  # fmt: skip
_ACK = ("Take in hand", "take in hand", "in hand")
# Key of a sheet about an alert -> what it does: the keys of the list.
_FROM_SHEET = {"a": "alert.ack", "s": "alert.silence", "W": "alert.why"}
# An alert goes by few routes, and is in one incident of each.
_INCIDENTS_MOST = 4
# How much of a host's time is shown around the moment at which an alert fired.
_SPAN_SECONDS = 1800


class AlertVerbs(Page):
    """Mixed into pages that have alerts."""

    def chosen_alerts(self) -> list[AlertView]:
        """Return the alerts that actions are about: the marked ones, else the one under the cursor."""
        raise NotImplementedError

    def to_diagnose(self) -> tuple[str, str] | None:
        """Return the first of them."""
        return next((("", alert.id) for alert in self.chosen_alerts()), None)

    def alerts_changed(self) -> None:
        """Show alerts as they are now."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Do only what at least one of the chosen may take."""
        if action in _MAY:
            return any(alert.state in _MAY[action] for alert in self.chosen_alerts())
        if action == "alert.host":
            return any(host_of(alert) in self.model.hosts for alert in self.chosen_alerts()[:1])
        return super().can(action)

    def _meant(self, action: str) -> list[AlertView]:
        return [alert for alert in self.chosen_alerts() if alert.state in _MAY[action]]

    def do_alert_ack(self) -> None:
        """Take them in hand."""
        self._do("alert.ack", *_ACK, self.top.source.alerts().acknowledge)

    def do_alert_unack(self) -> None:
        """Give them back."""
        self._do("alert.unack", "Give back", "give back", "given back", self.top.source.alerts().unacknowledge)

    def do_alert_resolve(self) -> None:
        """End them."""
        self._do("alert.resolve", "End by hand", "end", "ended", self.top.source.alerts().resolve)

    def do_alert_comment(self) -> None:
        """Note something about them."""
        self._do("alert.comment", "Comment", "keep it", "noted", self.top.source.alerts().comment)

    def _do(
        self, action: str, title: str, verb: str, said: str, do: Deed, meant: Sequence[AlertView] | None = None
    ) -> None:
        meant = self._meant(action) if meant is None else meant
        if meant:
            start_work(self, partial(self._done, action, meant, (title, verb, said), do), "decide", exclusive=False)

    async def _done(self, action: str, meant: Sequence[AlertView], words: tuple[str, str, str], do: Deed) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        title, verb, said = words
        is_end = action == "alert.resolve"
        question = Question(
            title, _rows_of(meant), verb, str(len(meant)) if is_end and len(meant) > 1 else "",
            reason="what to note" if action == "alert.comment" else "why, for those who come later",
            warning="what is still true fires again at the next judgement" if is_end else "",
            is_optional=action != "alert.comment",
        )  # fmt: skip
        text = await self.app.push_screen_wait(Agreement(question))
        if text is None:
            return
        done, fault = 0, ""
        for alert in meant:
            try:
                await do(alert.id, text)
                done += 1
            except NagareError as error:
                fault = fault or plain(error.message)
        told = f"{said}: {_named(meant)}" if done == len(meant) else f"{said}: {done} of {len(meant)}"
        self.top.say(told, fault)
        self.alerts_changed()

    def do_alert_silence(self) -> None:
        """Keep quiet about alerts like these."""
        self._silence(self._meant("alert.silence"))

    def _silence(self, alerts: Sequence[AlertView]) -> None:
        choices = choices_of(alerts)
        start_work(self, partial(make_silence, self.top, choices, self.alerts_changed), "decide", exclusive=False)

    def do_alert_why(self) -> None:
        """Say why people are told of it, or are not."""
        alert = next(iter(self._meant("alert.why")), None)
        if alert is not None:
            start_work(self, partial(self._explain, alert), "ask", exclusive=False)

    async def _explain(self, alert: AlertView) -> None:
        from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

        try:
            why = await self.top.source.alerts().why(alert.id)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        title = f"Why {plain(alert.name, 40)}"
        if await self.app.push_screen_wait(Sheet(title, why_rows(why), [("s", "silence")])) == "s":
            self._do_to_one("alert.silence", alert)

    def tell_alert(self, alert: AlertView) -> None:
        """Show everything about an alert."""
        start_work(self, partial(self._tell_alert, alert), "ask", exclusive=False)

    async def _tell_alert(self, alert: AlertView) -> None:
        from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

        try:
            detail = await self.top.source.alerts().alert(alert.id)
            rule = await self._rule_of(alert)
            told = await self._told_of(detail)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        alert, host = detail.alert, host_of(detail.alert)
        rows = (*alert_rows(detail, rule, self.top.clock.now_ms(), self.top.zone), *told)
        ways = [("enter", "its host then")] if host in self.model.hosts else []
        ways += [("a", "ack")] if alert.state in _NEW else []
        ways += [("s", "silence"), ("W", "why")]
        ways += [("i", "incident")] if detail.incidents else []
        match await self.app.push_screen_wait(Sheet(plain(alert.name, 60), rows, ways)):
            case "enter":
                await self._go_to_host(alert)
            case "i":
                await self.top.go(self.location.with_incident(detail.incidents[0]))
            case key if key in _FROM_SHEET:
                self._do_to_one(_FROM_SHEET[key], alert)

    def _do_to_one(self, action: str, alert: AlertView) -> None:
        """Do what the key of a sheet says, to the alert of the sheet, whatever stands under the cursor by now."""
        reason = self.why_not(action)
        if reason:
            self.top.say(reason)
            return
        match action:
            case "alert.ack":
                self._do(action, *_ACK, self.top.source.alerts().acknowledge, [alert])
            case "alert.silence":
                self._silence([alert])
            case _:
                start_work(self, partial(self._explain, alert), "ask", exclusive=False)

    async def _told_of(self, detail: AlertDetail) -> tuple[SheetRow, ...]:
        """Return how people were told of it, nothing where it is in no incident that is open."""
        found: list[NotificationView] = []
        for incident in detail.incidents[:_INCIDENTS_MOST]:
            try:
                found += (await self.top.source.notify().incident(incident)).notifications
            except (NotFoundError, PermissionDeniedError):
                continue  # it ended meanwhile, or is not for this caller
        return told_rows(found, self.top.clock.now_ms(), self.top.zone) if detail.incidents else ()

    async def _rule_of(self, alert: AlertView) -> RuleView | None:
        """Return its rule, None where there is none any more or nobody may see it."""
        try:
            return await self.top.source.rules().rule(alert.rule) if alert.rule else None
        except (NotFoundError, PermissionDeniedError):
            return None

    async def do_alert_host(self) -> None:
        """Show the host at the time at which the alert fired."""
        for alert in self.chosen_alerts()[:1]:
            await self._go_to_host(alert)

    async def _go_to_host(self, alert: AlertView) -> None:
        window = window_of(alert, self.top.clock.now_ms())
        await self.top.go(replace(self.location, window=window).with_host(host_of(alert)))


def window_of(alert: AlertView, now_ms: int) -> Window:
    """Return the time around the moment at which it fired, which is looked at, and stands in the middle unless it is too new."""
    fired = fired_ms(alert)
    if fired is None:
        return Window(_SPAN_SECONDS)
    return around(fired, _SPAN_SECONDS, now_ms)


async def make_silence(app: TopApp, choices: Sequence[Choice], changed: Callable[[], None]) -> None:
    """Have a silence filled in until the server takes it, or it is left."""
    from nagare.tui.screens.silence_form import SilenceForm  # noqa: PLC0415  loaded when shown

    draft, said = SilenceDraft(), ""
    while (filled := await app.push_screen_wait(SilenceForm(choices, app.model.alerts, draft, said))) is not None:
        draft = filled
        try:
            silence = await app.source.silences().add(request_of(draft))
        except NagareError as error:
            said = plain(f"{error.message}; {error.hint}" if error.hint else error.message)
            choices = [replace(choice, is_on=choice.matcher in draft.matchers) for choice in choices]
            continue
        app.say(f"silenced: {plain(', '.join(silence.matchers), 80)}")
        changed()
        return


def _rows_of(alerts: Sequence[AlertView]) -> tuple[PlanRow, ...]:
    lines = [plain(f"{alert.name} {host_of(alert)} ({alert.state})", 120) for alert in alerts]
    label = "alert" if len(lines) == 1 else f"{len(lines)} alerts"
    return (PlanRow(label, tuple(lines)),)


def _named(alerts: Sequence[AlertView]) -> str:
    names = [plain(f"{alert.name} {host_of(alert)}".strip(), 60) for alert in alerts]
    return names[0] if len(names) == 1 else f"{len(names)} alerts"
